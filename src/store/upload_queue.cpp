#include "store/upload_queue.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "store/upload_file.h"

namespace drst {

namespace fs = std::filesystem;

namespace {

/// What may be removed of a folder that others change, too: absent is as good as removed.
bool remove_quietly(const fs::path& file) {
  std::error_code code;
  return fs::remove(file, code);
}

/// Calls `use` for each file. FailedError if the folder cannot be read.
template <class Use>
void each_file(const fs::path& folder, const Use& use) {
  std::error_code code;
  fs::directory_iterator entry(folder, code);
  for (; !code && entry != fs::directory_iterator(); entry.increment(code)) use(*entry);
  if (code) throw FailedError("cannot read the folder " + folder.string() + ": " + code.message());
}

void remove_leftovers(const fs::path& folder, std::int64_t age_s) {
  const auto now = fs::file_time_type::clock::now();
  each_file(folder, [&](const fs::directory_entry& entry) {
    if (!entry.path().filename().string().starts_with(temporary_prefix)) return;
    std::error_code gone;
    const auto written = entry.last_write_time(gone);
    if (!gone && now - written >= std::chrono::seconds(age_s)) remove_quietly(entry.path());
  });
}

std::uint64_t read_number(int fd) {
  std::array<char, 24> text{};
  const auto got = ::pread(fd, text.data(), text.size(), 0);
  const auto value = parse_int(trim({text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))}));
  return value && *value > 0 ? static_cast<std::uint64_t>(*value) : 1;
}

/// A number in a file, raised under a lock by `change`; the new one is the answer.
std::uint64_t raise_number(const fs::path& path, const std::function<std::uint64_t(std::uint64_t)>& change) {
  const FileLock lock(path, FileLock::Wait::yes);
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file.valid()) throw FailedError("cannot open " + path.string());
  const std::uint64_t number = change(read_number(file.get()));
  std::string text = to_text(number);
  text.insert(0, 20 - text.size(), '0');
  if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    if (errno == ENOSPC || errno == EDQUOT) throw DiskFullError("cannot write " + path.string());
    throw FailedError("cannot write " + path.string());
  }
  return number;
}

}  // namespace

UploadOrder upload_order(std::string_view key) {
  if (key.starts_with("targets/")) {  // of a further target: the same names in a part of their own
    const auto slash = key.find('/', 8);
    if (slash != std::string_view::npos) key.remove_prefix(slash + 1);
  }
  for (const char* telemetry : {"results/metrics/", "results/resources/", "results/drift_signal."})
    if (key.starts_with(telemetry)) return UploadOrder::droppable;
  const bool trace = key.starts_with("results/") && key.ends_with("_inference_trace.npz");
  return trace || key == "results/monitor_state.bin" ? UploadOrder::newest_only : UploadOrder::strict;
}

UploadQueue::UploadQueue(fs::path folder, UploadLimits limits, FaultPoint* faults)
    : folder_(std::move(folder)),
      queue_(folder_ / "queue"),
      kept_(folder_ / "kept"),
      limits_(limits),
      faults_(faults) {
  for (const auto& part : {queue_, kept_, folder_ / "refused"}) make_folders(part);
  std::error_code unneeded;  // models and tables are nobody else's business
  fs::permissions(folder_, fs::perms::owner_all, unneeded);
  for (const auto& part : {queue_, kept_}) remove_leftovers(part, limits_.leftover_age_s);
  // What `number` holds is not synced: after a loss of power the files know better.
  const auto there = waiting();
  const std::uint64_t least = there.empty() ? 1 : there.back().number + 1;
  raise_number(folder_ / "number", [least](std::uint64_t next) { return std::max(next, least); });
}

void UploadQueue::reached(std::string_view operation, const std::string& key) const {
  if (faults_ != nullptr) faults_->reached(operation, key);
}

std::uint64_t UploadQueue::take_number() {
  return raise_number(folder_ / "number", [](std::uint64_t next) { return next + 1; }) - 1;
}

std::uint64_t UploadQueue::mark() const {
  const Descriptor file(::open((folder_ / "number").c_str(), O_RDONLY | O_CLOEXEC));
  return file.valid() ? read_number(file.get()) : 0;
}

void UploadQueue::add(Upload::Kind kind, const std::string& key, std::string_view bytes) {
  reached("queue.add.before", key);
  Upload upload{0, kind, bytes.size(), key, {}};
  const UploadOrder order = upload_order(key);
  const std::string text = write_upload(key, bytes);
  for (;;) try {
      if (upload.number == 0) upload.number = take_number();
      upload.file = upload_file_name(upload);
      reached("queue.write.before", key);
      write_file_atomic(queue_ / upload.file, text, limits_.sync);
      break;
    } catch (const DiskFullError&) {
      if (!drop_oldest_kept() && !drop_oldest_telemetry(~std::uint64_t{0})) throw;
    }
  reached("queue.write.after", key);
  // Whoever looked while the number was taken and the file not there yet must learn that it has come (mark).
  take_number();
  std::uint64_t total = 0;
  for (const auto& other : waiting()) {
    total += other.bytes;
    if (order == UploadOrder::strict || other.key != key || other.number >= upload.number) continue;
    if (other.kind == Upload::Kind::put && kind == Upload::Kind::put) {
      remove_quietly(queue_ / other.file);
      total -= other.bytes;
    }
  }
  while (total > limits_.waiting_bytes && drop_oldest_telemetry(upload.number)) {
    total = 0;
    for (const auto& other : waiting()) total += other.bytes;
  }
  reached("queue.add.after", key);
}

bool UploadQueue::add_new(const std::string& key, std::string_view bytes,
                          const std::function<bool()>& taken) {
  const auto waits = [&]() -> std::optional<bool> {
    const auto last = newest(key);
    if (!last) return std::nullopt;
    return last->kind != Upload::Kind::remove;
  };
  const auto before = mark();
  if (const auto there = waits(); there ? *there : taken()) return false;
  const FileLock lock(folder_ / "creating", FileLock::Wait::yes);
  // What was added between the question and the lock may be this key, and may even have gone up.
  if (mark() != before)
    if (const auto there = waits(); there ? *there : taken()) return false;
  add(Upload::Kind::create, key, bytes);
  return true;
}

std::vector<Upload> UploadQueue::waiting() const {
  std::vector<Upload> all;
  each_file(queue_, [&](const fs::directory_entry& entry) {
    auto upload = parse_upload_name(entry.path().filename().string());
    if (!upload) return;
    if (upload->key.front() == '=') {
      auto key = read_upload_key(entry.path());
      if (!key) return;  // gone, or it will be met as damaged when it is due
      upload->key = std::move(*key);
    }
    all.push_back(std::move(*upload));
  });
  std::sort(all.begin(), all.end(), [](const Upload& a, const Upload& b) { return a.number < b.number; });
  return all;
}

std::optional<Upload> UploadQueue::newest(const std::string& key) const {
  const std::string part = "-" + upload_file_part(key);
  std::optional<Upload> found;
  each_file(queue_, [&](const fs::directory_entry& entry) {
    const auto name = entry.path().filename().string();
    if (!name.ends_with(part)) return;
    auto upload = parse_upload_name(name);
    if (!upload || upload_file_part(upload->key.front() == '=' ? key : upload->key) != part.substr(1)) return;
    upload->key = key;
    if (!found || upload->number > found->number) found = std::move(upload);
  });
  return found;
}

std::optional<std::string> UploadQueue::content(const Upload& upload, bool* damaged) const {
  if (damaged != nullptr) *damaged = false;
  auto text = read_file_if_exists(queue_ / upload.file);
  if (!text) return std::nullopt;
  const auto read = read_upload(*text);
  if (read && read->key == upload.key) return text->substr(text->size() - read->bytes.size());
  if (damaged != nullptr) *damaged = true;
  return std::nullopt;
}

std::optional<Upload> UploadQueue::next() {
  const auto all = waiting();
  std::map<std::string, std::uint64_t> last;
  for (const auto& upload : all) last[upload.key] = upload.number;
  for (const auto& upload : all) {
    const bool needless = upload.kind == Upload::Kind::put && last[upload.key] > upload.number &&
                          upload_order(upload.key) != UploadOrder::strict;
    if (!needless) return upload;
    remove_quietly(queue_ / upload.file);
  }
  return std::nullopt;
}

void UploadQueue::finish(const Upload& upload) {
  reached("queue.finish.before", upload.key);
  const auto kept = kept_ / upload_file_part(upload.key);
  std::error_code code;
  if (upload.kind == Upload::Kind::remove) {
    remove_quietly(kept);
    remove_quietly(queue_ / upload.file);
  } else {
    fs::rename(queue_ / upload.file, kept, code);
    if (code == std::errc::no_such_file_or_directory) code.clear();  // a newer one has replaced it
    if (code) throw FailedError("cannot move " + (queue_ / upload.file).string() + ": " + code.message());
  }
  // Or it could come back after newer ones of its key have gone up.
  if (limits_.sync == Sync::yes) sync_folder(queue_);
  shrink_kept();
  reached("queue.finish.after", upload.key);
}

void UploadQueue::refuse(const Upload& upload, const std::string& why) {
  std::error_code code;
  fs::rename(queue_ / upload.file, folder_ / "refused" / upload.file, code);
  log::error("object '" + upload.key + "' is not uploaded: " + why + "; it is put aside as " +
             (folder_ / "refused" / upload.file).string());
}

std::optional<std::string> UploadQueue::kept(const std::string& key) const {
  const auto path = kept_ / upload_file_part(key);
  auto text = read_file_if_exists(path);
  if (!text) return std::nullopt;
  const auto read = read_upload(*text);
  if (read && read->key == key) return text->substr(text->size() - read->bytes.size());
  remove_quietly(path);  // kept files are not synced, so a loss of power may tear them
  return std::nullopt;
}

std::vector<std::string> UploadQueue::kept_keys() const {
  std::vector<std::string> keys;
  each_file(kept_, [&](const fs::directory_entry& entry) {
    const auto name = entry.path().filename().string();
    if (name.starts_with(temporary_prefix)) return;
    if (auto key = read_upload_key(entry.path())) keys.push_back(std::move(*key));
  });
  std::sort(keys.begin(), keys.end());
  return keys;
}

void UploadQueue::keep(const std::string& key, const std::optional<std::string>& bytes, std::uint64_t mark) {
  const auto path = kept_ / upload_file_part(key);
  try {
    if (bytes && kept(key) == *bytes) {
      ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // it is in use
      return;
    }
    const FileLock lock(folder_ / "number", FileLock::Wait::yes);
    if (this->mark() != mark) return;
    if (bytes) {
      write_file_atomic(path, write_upload(key, *bytes), Sync::no);
    } else {
      remove_quietly(path);
    }
  } catch (const Error& error) {
    log::debug(std::string("not kept: ") + error.what());  // it was read all the same
  }
  shrink_kept();
}

void UploadQueue::shrink_kept() {
  for (;;) {
    std::uint64_t total = 0;
    each_file(kept_, [&](const fs::directory_entry& entry) {
      std::error_code gone;
      const auto size = entry.file_size(gone);
      if (!gone) total += size;
    });
    if (total <= limits_.kept_bytes || !drop_oldest_kept()) return;
  }
}

bool UploadQueue::drop_oldest_kept() {
  std::optional<std::pair<fs::file_time_type, fs::path>> oldest;
  each_file(kept_, [&](const fs::directory_entry& entry) {
    std::error_code gone;
    const auto used = entry.last_write_time(gone);
    if (!gone && (!oldest || used < oldest->first)) oldest = {used, entry.path()};
  });
  return oldest && remove_quietly(oldest->second);
}

bool UploadQueue::drop_oldest_telemetry(std::uint64_t before) {
  for (const auto& upload : waiting()) {
    if (upload.number >= before || upload_order(upload.key) != UploadOrder::droppable) continue;
    if (!remove_quietly(queue_ / upload.file)) continue;
    count_dropped(upload.key);
    return true;
  }
  return false;
}

void UploadQueue::count_dropped(const std::string& key) {
  try {
    const auto count = raise_number(folder_ / "dropped", [](std::uint64_t n) { return n + 1; }) - 1;
    if ((count & (count - 1)) != 0) return;  // said ever more rarely
    log::warning("no room for all that waits for upload in " + folder_.string() + ": " + to_text(count) +
                 " objects of telemetry dropped so far, the last was " + key);
  } catch (const Error&) {  // no room for the count either
    log::warning("no room for all that waits for upload in " + folder_.string() + ": dropped " + key);
  }
}

std::uint64_t UploadQueue::dropped() const {
  const Descriptor file(::open((folder_ / "dropped").c_str(), O_RDONLY | O_CLOEXEC));
  return file.valid() ? read_number(file.get()) - 1 : 0;
}

std::size_t UploadQueue::refused() const {
  std::size_t count = 0;
  each_file(folder_ / "refused", [&](const fs::directory_entry&) { ++count; });
  return count;
}

}  // namespace drst
