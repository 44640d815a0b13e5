#include "collect/csv_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
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

/// Length of the table's whole lines; a last one without an end was cut short by a crash.
std::uint64_t whole_lines(int descriptor, std::uint64_t length) {
  char block[4096];
  while (length > 0) {
    const std::uint64_t begin = length - std::min<std::uint64_t>(length, sizeof block);
    const ssize_t got =
        ::pread(descriptor, block, static_cast<std::size_t>(length - begin), static_cast<off_t>(begin));
    if (got <= 0) return 0;
    const std::string_view text(block, static_cast<std::size_t>(got));
    const std::size_t end = text.rfind('\n');
    if (end != std::string_view::npos) return begin + end + 1;
    length = begin;
  }
  return 0;
}

std::string first_line(const fs::path& path) {
  constexpr std::size_t most = 16 << 20;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string line(most, '\0');
  const ssize_t got = file.valid() ? ::read(file.get(), line.data(), most) : -1;
  line.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const std::size_t end = line.find('\n');
  return end == std::string::npos ? std::string() : line.substr(0, end + 1);
}

}  // namespace

CsvSink::CsvSink(CsvSinkOptions options) : options_(std::move(options)) {
  table_.path = options_.file;
  quality_.path = beside(options_.file, ".quality.csv");
  if (fs::is_directory(options_.file))
    throw InputError(options_.file.string() + " is a folder; name a file, such as " +
                     (options_.file / "chain.csv").string());
  if (fs::exists(options_.file) && !options_.append && !options_.overwrite)
    throw InputError(options_.file.string() +
                     " is there already; choose another file, --append to go on with it, or --overwrite");
  if (options_.file.has_parent_path()) make_folders(options_.file.parent_path());
}

void CsvSink::open(File& file, const std::string& header) const {
  struct stat facts {};
  const bool there = ::stat(file.path.c_str(), &facts) == 0 && facts.st_size > 0;
  if (there && options_.append && first_line(file.path) != header)
    throw InputError(file.path.string() + " has other columns than the chain has now; choose another file");
  const int how = O_RDWR | O_CREAT | O_CLOEXEC | (options_.append ? 0 : O_TRUNC);
  file.descriptor = Descriptor(::open(file.path.c_str(), how, 0666));
  if (!file.descriptor.valid()) fail(file.path, errno);
  if (there && options_.append) {
    const auto length = static_cast<std::uint64_t>(facts.st_size);
    file.length = whole_lines(file.descriptor.get(), length);
    if (file.length != length)
      log::warning(file.path.string() + ": a last row that was cut short is removed (" +
                   to_text(length - file.length) + " bytes)");
    if (::ftruncate(file.descriptor.get(), static_cast<off_t>(file.length)) != 0) fail(file.path, errno);
    return;
  }
  file.length = 0;
  write(file, header);
}

void CsvSink::begin(const std::vector<std::string>& columns) {
  if (begun_) {
    if (columns.size() > known_)
      log::warning(options_.file.string() + ": columns that came late are left out, its header is written: " +
                   join_first(std::vector<std::string>(columns.begin() + static_cast<std::ptrdiff_t>(known_),
                                                       columns.end())));
    known_ = columns.size();
    return;
  }
  order_.resize(columns.size());
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  const auto rank = [&](std::size_t column) {
    return std::ranges::find(options_.kpis, columns[column]) - options_.kpis.begin();
  };
  std::ranges::stable_sort(order_, {}, rank);
  shared_.clear();
  std::vector<std::string> names, shared_names;
  for (const std::size_t column : order_) {
    names.push_back(columns[column]);
    if (rank(column) < static_cast<std::ptrdiff_t>(options_.kpis.size())) continue;
    shared_.push_back(column);
    shared_names.push_back(columns[column]);
  }
  std::string header, quality_header;
  append_csv_header(header, names, true);
  append_csv_header(quality_header, shared_names, true);
  open(table_, header);
  open(quality_, quality_header);
  if (!options_.provenance.empty())
    write_file_atomic(beside(options_.file, ".provenance.json"), options_.provenance);
  known_ = columns.size();
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

void CsvSink::put(const CollectedRow& row) {
  const auto line_of = [&](const std::vector<double>& values, const std::vector<std::size_t>& columns,
                           std::string& line) {
    cells_.clear();
    for (const std::size_t column : columns) cells_.push_back(values[column]);
    line.clear();
    append_csv_row(line, cells_, static_cast<std::size_t>(row.tick));
  };
  line_of(row.values, order_, line_);
  line_of(row.shares, shared_, quality_line_);
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
  for (File* file : {&table_, &quality_})
    if (::fdatasync(file->descriptor.get()) != 0) fail(file->path, errno);
}

void CsvSink::finish(bool) {
  if (!begun_) return;
  sync();
  sync_folder(options_.file.has_parent_path() ? options_.file.parent_path() : fs::path("."));
}

}  // namespace drst
