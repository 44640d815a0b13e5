#include "measure/bundles.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace fs = std::filesystem;

namespace {

std::string_view without_ending(std::string_view name) {
  for (const std::string_view ending : {".csv", ".json", ".jsonl"})
    if (name.size() > ending.size() && name.ends_with(ending))
      return name.substr(0, name.size() - ending.size());
  return {};
}

using Folders = std::map<std::string, std::vector<std::string>>;  ///< folder inside a tree -> names of files

ArchiveLimits limits_of(const PreprocessSettings& settings) {
  return {static_cast<std::uint64_t>(settings.max_entries),
          static_cast<std::uint64_t>(settings.max_file_mib) << 20,
          static_cast<std::uint64_t>(settings.max_archive_mib) << 20};
}

std::pair<std::string, std::string> split_path(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool is_bundle(const std::vector<std::string>& names, BundleKind kind, const std::vector<std::string>& vnfs) {
  bool pcm = false;
  bool perf = false;
  for (const auto& name : names) {
    const auto role = kind_of_file(without_compression(name), vnfs).role;
    pcm = pcm || role == FileRole::pcm || role == FileRole::pcm_pcie;
    perf = perf || role == FileRole::counters || role == FileRole::sent || role == FileRole::received ||
           role == FileRole::latency || role == FileRole::older_latency;
  }
  return kind == BundleKind::pcm ? pcm : perf && !pcm;
}

Folders folders_of_archive(Tree& tree, const PreprocessSettings& settings) {
  Folders folders;
  ArchiveReader reader(tree.path, limits_of(settings));
  while (const auto name = reader.next(tree.dirt)) {
    auto [folder, file] = split_path(*name);
    folders[folder].push_back(std::move(file));
  }
  return folders;
}

Folders folders_of_tree(const fs::path& root, std::vector<fs::path>& archives) {
  Folders folders;
  std::error_code error;
  fs::recursive_directory_iterator at(root, error);
  if (error) throw InputError(root.string() + " cannot be read: " + error.message());
  for (; at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (error) throw InputError(root.string() + " cannot be read: " + error.message());
    if (at->is_symlink() || !at->is_regular_file()) continue;
    if (is_archive(at->path())) {
      archives.push_back(at->path());
      continue;
    }
    const auto folder = at->path().parent_path().lexically_relative(root).generic_string();
    folders[folder == "." ? "" : folder].push_back(at->path().filename().string());
  }
  return folders;
}

std::string name_of(const fs::path& path, const std::string& otherwise) {
  const std::string name = path.filename().string();
  return name.empty() || name == ".." ? otherwise : name;
}

}  // namespace

FileKind kind_of_file(std::string_view name, const std::vector<std::string>& vnfs) {
  if (name.starts_with('.')) return {FileRole::hidden, {}};
  const auto stem = without_ending(name);
  if (std::find(vnfs.begin(), vnfs.end(), stem) != vnfs.end() && !stem.empty())
    return {FileRole::counters, std::string(stem)};
  if (name == "tx_stats.csv") return {FileRole::sent, {}};
  if (name == "rx_stats.csv") return {FileRole::received, {}};
  if (name == "latency.csv") return {FileRole::latency, {}};
  if (name == "latency_old.csv" || name == "latency-old.csv") return {FileRole::older_latency, {}};
  if (name == "nf_out.csv") return {FileRole::nf_out, {}};
  if (name == "pcm-pcie.csv") return {FileRole::pcm_pcie, "pcm-pcie"};
  if (name == "pcm-memory.csv" || name.ends_with("-pcm.csv")) return {FileRole::pcm, std::string(stem)};
  return {FileRole::unknown, {}};
}

bool natural_less(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const auto number = [&](std::string_view text, std::size_t& at) {
        while (at + 1 < text.size() && text[at] == '0' && digit(text[at + 1])) ++at;
        const std::size_t begin = at;
        while (at < text.size() && digit(text[at])) ++at;
        return text.substr(begin, at - begin);
      };
      const auto x = number(a, i);
      const auto y = number(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      continue;
    }
    if (digit(a[i]) != digit(b[j])) return digit(a[i]);  // the text before the number is the shorter one
    if (a[i] != b[j]) return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[j]);
    ++i;
    ++j;
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;  // exp01 and exp1
}

FoundBundles find_bundles(const std::vector<fs::path>& inputs, BundleKind kind,
                          const PreprocessSettings& settings) {
  FoundBundles found;
  std::set<fs::path> seen;  // a folder that two inputs hold is one
  std::set<std::pair<std::string, std::string>> taken;
  const auto take = [&](const Folders& folders, const std::string& root, const std::string& around,
                        const std::string& prefix, const fs::path& path) {
    for (const auto& [folder, files] : folders) {
      if (!is_bundle(files, kind, settings.vnfs)) {
        const auto other = kind == BundleKind::perf ? BundleKind::pcm : BundleKind::perf;
        if (is_bundle(files, other, settings.vnfs)) ++found.of_other_kind;
        continue;
      }
      if (!seen.insert(path / folder).second) continue;
      std::string logical = prefix;
      if (!folder.empty()) logical += (logical.empty() ? "" : "/") + folder;
      FoundBundle bundle;
      std::tie(bundle.scenario, bundle.experiment) = split_path(logical);
      if (bundle.experiment.empty()) {
        bundle.experiment = root;
        bundle.scenario = around;
      } else if (bundle.scenario.empty()) {
        bundle.scenario = root;
      }
      const std::string plain = bundle.experiment;
      for (std::size_t i = 2; !taken.emplace(bundle.scenario, bundle.experiment).second; ++i)
        bundle.experiment = plain + "." + to_text(i);
      bundle.tree = found.trees.size() - 1;
      bundle.folder = folder;
      bundle.files = files;
      std::sort(bundle.files.begin(), bundle.files.end());
      found.bundles.push_back(std::move(bundle));
    }
  };
  for (const auto& input : inputs) {
    std::error_code error;
    const fs::path path = fs::canonical(input, error);
    if (error)
      throw InputError(input.string() + " cannot be found: " + error.message() +
                       "; give folders of bundles, or .zip, .tar.xz, .tar.gz archives of them");
    if (fs::is_directory(path)) {
      std::vector<fs::path> archives;
      const auto folders = folders_of_tree(path, archives);
      found.trees.push_back({path, false, {}});
      take(folders, name_of(path, "bundles"), name_of(path.parent_path(), "bundles"), "", path);
      std::sort(archives.begin(), archives.end());
      for (const auto& archive : archives) {
        found.trees.push_back({archive, true, {}});
        const auto inside = folders_of_archive(found.trees.back(), settings);
        const auto above = archive.parent_path().lexically_relative(path).generic_string();
        const std::string stem = archive_stem(archive);
        // What an archive holds is named as if it lay beside it; its root, as if it were a folder.
        const bool rooted = inside.contains("");
        std::string prefix = above == "." ? "" : above;
        if (rooted) prefix += (prefix.empty() ? "" : "/") + stem;
        take(inside, name_of(path, "bundles"), name_of(path.parent_path(), "bundles"), prefix, archive);
      }
    } else if (fs::is_regular_file(path) && is_archive(path)) {
      found.trees.push_back({path, true, {}});
      const auto folders = folders_of_archive(found.trees.back(), settings);
      take(folders, archive_stem(path), archive_stem(path), "", path);
    } else {
      throw InputError(
          input.string() +
          " is neither a folder nor an archive (.zip, .tar, .tar.xz, .tar.gz, .tar.bz2, .tar.zst)");
    }
  }
  return found;
}

}  // namespace drst
