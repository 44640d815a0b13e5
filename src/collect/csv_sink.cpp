#include "collect/csv_sink.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "table/csv.h"

namespace drst {

namespace {

namespace fs = std::filesystem;

fs::path beside(const fs::path& file, const char* ending) {
  fs::path path = file;
  return path.replace_extension(ending);
}

[[noreturn]] void fail(const fs::path& path, int error) {
  const std::string words = path.string() + ": " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT) throw DiskFullError(words);
  throw FailedError(words);
}

/// Where each line of a file ends; a last one without an end was cut short by a crash, and is not among them.
std::vector<std::uint64_t> ends_of_lines(const fs::path& path, int descriptor) {
  std::vector<std::uint64_t> ends;
  std::array<char, 1 << 16> block{};
  for (std::uint64_t at = 0;;) {
    const ssize_t got = ::pread(descriptor, block.data(), block.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, errno);
    if (got == 0) return ends;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i)
      if (block[i] == '\n') ends.push_back(at + i + 1);
    at += static_cast<std::uint64_t>(got);
  }
}

/// A device has no length.
void cut(const fs::path& path, int descriptor, std::uint64_t length) {
  if (::ftruncate(descriptor, static_cast<off_t>(length)) != 0 && errno != EINVAL) fail(path, errno);
}

}  // namespace

CsvSink::CsvSink(CsvSinkOptions options) : options_(std::move(options)) {
  table_.path = options_.file;
  quality_.path = beside(options_.file, ".quality.csv");
  if (fs::is_directory(options_.file))
    throw InputError(options_.file.string() + " is a folder; name a file, such as " +
                     (options_.file / "chain.csv").string());
  fresh_ = !fs::exists(table_.path);
  if (!options_.append && !options_.overwrite)
    for (const fs::path& path : {table_.path, quality_.path, beside(options_.file, ".provenance.json")})
      if (fs::exists(path))
        throw InputError(path.string() +
                         " is there already; choose another file, --append to go on with the " +
                         "table, or --overwrite");
  if (options_.file.has_parent_path()) make_folders(options_.file.parent_path());
  open(table_);
  open(quality_);
  if (options_.append) {
    go_on();
  } else {
    cut(table_.path, table_.descriptor.get(), 0);
    cut(quality_.path, quality_.descriptor.get(), 0);
  }
  write_provenance();
}

CsvSink::~CsvSink() {
  if (begun_ || !fresh_) return;
  std::error_code unknown;
  for (const fs::path& path : {table_.path, quality_.path, beside(options_.file, ".provenance.json")})
    fs::remove(path, unknown);
}

void CsvSink::open(File& file) {
  file.descriptor = Descriptor(::open(file.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!file.descriptor.valid()) fail(file.path, errno);
  if (::flock(file.descriptor.get(), LOCK_EX | LOCK_NB) != 0)
    throw InputError(file.path.string() + " is being written by another drst collect; choose another file");
}

void CsvSink::go_on() {
  const auto rows = ends_of_lines(table_.path, table_.descriptor.get());
  const auto shares = ends_of_lines(quality_.path, quality_.descriptor.get());
  if (rows.empty()) {  // a new one, or one that had no time for its header
    cut(table_.path, table_.descriptor.get(), 0);
    cut(quality_.path, quality_.descriptor.get(), 0);
    return;
  }
  if (shares.empty())
    throw InputError(quality_.path.string() + " is not there or empty, and belongs to " +
                     table_.path.string() + "; choose another file");
  for (File* file : {&table_, &quality_}) {
    const auto& ends = file == &table_ ? rows : shares;
    file->length = ends[std::min(rows.size(), shares.size()) - 1];
    struct stat facts {};
    if (::fstat(file->descriptor.get(), &facts) != 0) fail(file->path, errno);
    const auto there = static_cast<std::uint64_t>(facts.st_size);
    if (there == file->length) continue;
    log::warning(file->path.string() + ": what a crash left of its last rows is removed (" +
                 to_text(there - file->length) + " bytes)");
    cut(file->path, file->descriptor.get(), file->length);
  }
  CsvOptions head;
  head.row_end = 0;
  table_.names = read_csv(table_.path, head).names();
  quality_.names = read_csv(quality_.path, head).names();
}

void CsvSink::write_provenance() const {
  if (options_.provenance.empty()) return;
  using Json = nlohmann::ordered_json;
  const fs::path path = beside(options_.file, ".provenance.json");
  Json now = Json::parse(options_.provenance);
  now["interval_s"] = options_.interval_s;
  constexpr std::uint64_t most = 64 << 20;
  const auto before = options_.append ? read_file_if_exists(path, most) : std::nullopt;
  if (before && !table_.names.empty()) {
    Json first = Json::parse(*before, nullptr, false);
    if (!first.is_object())
      throw InputError(path.string() + " is no JSON; remove it, or choose another file");
    if (const auto interval = first.find("interval_s");
        interval != first.end() && interval->is_number() &&
        std::abs(interval->get<double>() - options_.interval_s) > 1e-9)
      throw InputError(table_.path.string() + " has a row each " + to_text(interval->get<double>()) +
                       " s, and now one each " + to_text(options_.interval_s) +
                       " s is wanted; choose another file, or that --interval");
    first["appended"].push_back(std::move(now));
    now = std::move(first);
  }
  write_file_atomic(path, now.dump(1) + "\n");
}

void CsvSink::place(File& file, const std::vector<std::string>& columns) const {
  file.places.clear();
  for (const auto& name : file.names) {
    const auto at = std::ranges::find(columns, name);
    file.places.push_back(at == columns.end() ? -1 : at - columns.begin());
  }
}

void CsvSink::begin(const std::vector<std::string>& columns) {
  const bool has_header = !table_.names.empty();
  if (!has_header) {
    for (const auto& kpi : options_.kpis)
      if (std::ranges::find(columns, kpi) != columns.end()) table_.names.push_back(kpi);
    for (const auto& name : columns) {
      if (std::ranges::find(options_.kpis, name) != options_.kpis.end()) continue;
      table_.names.push_back(name);
      quality_.names.push_back(name);
    }
    for (File* file : {&table_, &quality_}) {
      std::string header;
      append_csv_header(header, file->names, true);
      write(*file, header);
    }
  }
  std::vector<std::string> lacking;
  for (const auto& name : columns)
    if (std::ranges::find(table_.names, name) == table_.names.end()) lacking.push_back(name);
  if (!lacking.empty() && !begun_)
    throw InputError(table_.path.string() + " has no column " + join_first(lacking) +
                     ", which the chain has now; choose another file");
  if (!lacking.empty())
    log::warning(table_.path.string() +
                 ": columns that came late are left out, its header is written: " + join_first(lacking));
  place(table_, columns);
  place(quality_, columns);
  begun_ = true;
  synced_at_s_ = monotonic_seconds();
}

void CsvSink::write(File& file, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t done = ::pwrite(file.descriptor.get(), text.data() + written, text.size() - written,
                                  static_cast<off_t>(file.length + written));
    if (done < 0 && errno == EINTR) continue;
    if (done > 0) {
      written += static_cast<std::size_t>(done);
      continue;
    }
    const int error = done < 0 ? errno : ENOSPC;
    // Part of a row would be read as a row with missing cells. Where it cannot be cut off, the next
    // overwrites it.
    (void)!::ftruncate(file.descriptor.get(), static_cast<off_t>(file.length));
    fail(file.path, error);
  }
  file.length += text.size();
}

void CsvSink::line_of(const File& file, std::int64_t tick, const std::vector<double>& values,
                      std::string& line) {
  cells_.clear();
  for (const auto at : file.places)
    cells_.push_back(at < 0 ? std::numeric_limits<double>::quiet_NaN()
                            : values[static_cast<std::size_t>(at)]);
  line.clear();
  append_csv_row(line, cells_, static_cast<std::size_t>(tick));
}

void CsvSink::put(const CollectedRow& row) {
  line_of(table_, row.tick, row.values, line_);
  line_of(quality_, row.tick, row.shares, quality_line_);
  const std::uint64_t before = quality_.length;
  write(quality_, quality_line_);
  try {
    write(table_, line_);
  } catch (...) {
    // The two have the same rows at any time.
    quality_.length = before;
    (void)!::ftruncate(quality_.descriptor.get(), static_cast<off_t>(before));
    throw;
  }
  if (monotonic_seconds() - synced_at_s_ >= options_.sync_s) sync();
}

void CsvSink::sync() {
  synced_at_s_ = monotonic_seconds();
  for (File* file : {&table_, &quality_}) {
    if (::fdatasync(file->descriptor.get()) != 0) fail(file->path, errno);
    struct stat facts {};
    if (::fstat(file->descriptor.get(), &facts) == 0 && facts.st_nlink == 0)
      throw FailedError(file->path.string() + " was removed while it was written; its rows are lost");
  }
}

void CsvSink::finish(bool) {
  if (!begun_) return;
  sync();
  sync_folder(options_.file.has_parent_path() ? options_.file.parent_path() : fs::path("."));
}

}  // namespace drst
