// From found bundles to their bytes: folders by many threads at once, archives by one that unpacks while
// others work on what came before.
#include <algorithm>
#include <atomic>
#include <future>
#include <map>

#include "base/error.h"
#include "base/parallel.h"
#include "base/stop.h"
#include "base/text.h"
#include "measure/bundles.h"

namespace drst {

namespace {

Bundle named(const FoundBundle& found, const Tree& tree) {
  Bundle bundle;
  bundle.scenario = found.scenario;
  bundle.experiment = found.experiment;
  bundle.shown = tree.path.string() + (found.folder.empty() ? "" : (tree.archive ? ":" : "/") + found.folder);
  return bundle;
}

BundleFile file_of(const Bundle& bundle, const std::string& name) {
  BundleFile file;
  file.name = std::string(without_compression(name));
  file.shown = bundle.shown + "/" + name;
  return file;
}

/// Bytes that say nothing to us are not kept.
bool is_read(std::string_view name, const std::vector<std::string>& vnfs) {
  const auto plain = without_compression(name);
  const auto role = kind_of_file(plain, vnfs).role;
  return role != FileRole::hidden && (role != FileRole::unknown || plain.ends_with(".csv"));
}

Bundle read_folder(const FoundBundle& found, const Tree& tree, const PreprocessSettings& settings) {
  Bundle bundle = named(found, tree);
  for (const auto& name : found.files) {
    BundleFile file = file_of(bundle, name);
    if (is_read(name, settings.vnfs)) {
      auto bytes = read_maybe_compressed(tree.path / found.folder / name,
                                         static_cast<std::uint64_t>(settings.max_file_mib) << 20);
      if (!bytes) file.dirt.add(Dirt::too_large);
      file.bytes = std::move(bytes).value_or("");
    }
    bundle.files.push_back(std::move(file));
  }
  return bundle;
}

struct Pending {
  Bundle bundle;
  std::size_t missing = 0;  ///< files still to come
};

/// Unpacks an archive once; a bundle is handed over when its last file has come.
class ArchivePass {
 public:
  ArchivePass(FoundBundles& found, std::size_t tree, const PreprocessSettings& settings, std::size_t threads,
              const std::function<void(std::size_t, Bundle)>& work)
      : found_(found), tree_(found.trees[tree]), settings_(settings), threads_(threads), work_(work) {
    for (std::size_t i = 0; i < found.bundles.size(); ++i)
      if (found.bundles[i].tree == tree) places_[found.bundles[i].folder] = i;
  }

  void run() {
    ArchiveReader reader(tree_.path, {static_cast<std::uint64_t>(settings_.max_entries),
                                      static_cast<std::uint64_t>(settings_.max_file_mib) << 20,
                                      static_cast<std::uint64_t>(settings_.max_archive_mib) << 20});
    FileDirt counted_before;  // names were judged when the archive was listed
    while (const auto name = reader.next(counted_before)) {
      throw_if_stopped();
      const auto slash = name->rfind('/');
      const auto place = places_.find(slash == std::string::npos ? "" : name->substr(0, slash));
      if (place == places_.end()) continue;
      take(reader, place->second, slash == std::string::npos ? *name : name->substr(slash + 1));
    }
    for (auto& [index, pending] : pending_) hand_over(index, std::move(pending.bundle));
    finish_batch();
    wait();
  }

  /// What still works on a batch may use what is destroyed with us.
  ~ArchivePass() {
    if (running_.valid()) running_.wait();
  }
  ArchivePass(const ArchivePass&) = delete;
  ArchivePass& operator=(const ArchivePass&) = delete;

 private:
  void take(ArchiveReader& reader, std::size_t index, const std::string& name) {
    auto [at, fresh] = pending_.try_emplace(index);
    Pending& pending = at->second;
    if (fresh) {
      pending.bundle = named(found_.bundles[index], tree_);
      pending.missing = found_.bundles[index].files.size();
    }
    BundleFile file = file_of(pending.bundle, name);
    if (is_read(name, settings_.vnfs)) {
      file.bytes = reader.read(file.dirt).value_or("");
      waiting_ += file.bytes.size();
    }
    if (waiting_ > static_cast<std::uint64_t>(settings_.max_pending_mib) << 20)
      throw InputError(tree_.path.string() + " mixes the files of many experiments: more than " +
                       to_text(settings_.max_pending_mib) +
                       " MiB wait for others (preprocess.max_pending_mib); unpack it and give the folder");
    pending.bundle.files.push_back(std::move(file));
    if (--pending.missing > 0) return;
    Bundle whole = std::move(pending.bundle);
    pending_.erase(at);
    hand_over(index, std::move(whole));
  }

  void hand_over(std::size_t index, Bundle bundle) {
    std::sort(bundle.files.begin(), bundle.files.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const auto& file : bundle.files) {
      waiting_ -= file.bytes.size();
      batch_bytes_ += file.bytes.size();
    }
    batch_.emplace_back(index, std::move(bundle));
    if (batch_.size() >= 4 * threads_ || batch_bytes_ > (std::uint64_t{32} << 20)) finish_batch();
  }

  void finish_batch() {
    wait();
    if (batch_.empty()) return;
    running_ = std::async(std::launch::async, [this, batch = std::move(batch_)]() mutable {
      in_parallel(batch.size(), threads_,
                  [&](std::size_t i) { work_(batch[i].first, std::move(batch[i].second)); });
    });
    batch_.clear();
    batch_bytes_ = 0;
  }

  void wait() {
    if (running_.valid()) running_.get();
  }

  FoundBundles& found_;
  const Tree& tree_;
  const PreprocessSettings& settings_;
  std::size_t threads_;
  const std::function<void(std::size_t, Bundle)>& work_;
  std::map<std::string, std::size_t> places_;
  std::map<std::size_t, Pending> pending_;
  std::uint64_t waiting_ = 0;
  std::vector<std::pair<std::size_t, Bundle>> batch_;
  std::uint64_t batch_bytes_ = 0;
  std::future<void> running_;
};

}  // namespace

void read_bundles(FoundBundles& found, const PreprocessSettings& settings, std::size_t threads,
                  const std::function<void(std::size_t, Bundle)>& work) {
  std::vector<std::size_t> on_disk;
  for (std::size_t i = 0; i < found.bundles.size(); ++i)
    if (!found.trees[found.bundles[i].tree].archive) on_disk.push_back(i);
  in_parallel(on_disk.size(), threads, [&](std::size_t i) {
    throw_if_stopped();
    const auto& bundle = found.bundles[on_disk[i]];
    work(on_disk[i], read_folder(bundle, found.trees[bundle.tree], settings));
  });
  for (std::size_t tree = 0; tree < found.trees.size(); ++tree)
    if (found.trees[tree].archive) ArchivePass(found, tree, settings, threads, work).run();
}

}  // namespace drst
