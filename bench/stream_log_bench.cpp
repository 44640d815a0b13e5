// The embedded log beside plain files and SQLite, in one run: records of 2.3 kB appended one and 64 at a
// time, and read.
//
// stream_log_bench [FOLDER [SECONDS]]: works in a temporary folder under FOLDER (default: the system's), each
// row for SECONDS (default 1). Durable rows end each append on disk; the yardstick for them is write +
// fdatasync of the same bytes to a plain file, interleaved with the log's so that both meet the same disk.
// Relaxed rows leave it to the kernel. Reading starts from a warm cache.
#include <fcntl.h>
#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "base/time.h"
#include "stream/embedded_log.h"

namespace {
std::atomic<uint64_t> allocations{0};
}

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace drst {
namespace {

constexpr std::size_t record_bytes = 2300;

std::vector<NewRecord> make_records(std::size_t count) {
  Random random(1);
  std::vector<NewRecord> records(count);
  for (auto& record : records) {
    record.headers = {{"run_id", "bench-0001"}};
    for (std::size_t i = 0; i < record_bytes; ++i) record.value += static_cast<char>('0' + random.below(75));
  }
  return records;
}

/// One way to store records; `append` stores a batch.
struct Way {
  std::string name;
  std::function<void(std::span<const NewRecord>)> append;
  double seconds = 0;
  double cpu_seconds = 0;
  std::size_t records = 0;
};

double process_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

class PlainFile {
 public:
  PlainFile(const std::filesystem::path& path, bool sync)
      : file_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)), sync_(sync) {}
  void append(std::span<const NewRecord> records) {
    buffer_.clear();
    for (const auto& record : records) buffer_ += record.value;
    if (::write(file_.get(), buffer_.data(), buffer_.size()) < 0 || (sync_ && ::fdatasync(file_.get()) != 0))
      throw FailedError("cannot write the plain file");
  }
  [[nodiscard]] int descriptor() const { return file_.get(); }

 private:
  Descriptor file_;
  bool sync_;
  std::string buffer_;
};

/// The obvious design on SQLite: one row a record in WAL mode.
class Sqlite {
 public:
  Sqlite(const std::filesystem::path& path, bool sync) {
    check(sqlite3_open(path.c_str(), &db_));
    run("PRAGMA journal_mode=WAL");
    run(sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
    run("CREATE TABLE records(partition INTEGER, offset INTEGER, at INTEGER, key BLOB, headers BLOB, value "
        "BLOB, "
        "PRIMARY KEY(partition, offset)) WITHOUT ROWID");
    check(sqlite3_prepare_v2(db_, "INSERT INTO records VALUES(0, ?, 0, x'', ?, ?)", -1, &insert_, nullptr));
    check(sqlite3_prepare_v2(
        db_,
        "SELECT offset, at, key, headers, value FROM records WHERE partition = 0 AND offset >= ? "
        "ORDER BY offset LIMIT ?",
        -1, &select_, nullptr));
  }
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  ~Sqlite() {
    sqlite3_finalize(insert_);
    sqlite3_finalize(select_);
    sqlite3_close(db_);
  }
  void append(std::span<const NewRecord> records) {
    run("BEGIN IMMEDIATE");
    for (const auto& record : records) {
      sqlite3_bind_int64(insert_, 1, next_++);
      sqlite3_bind_blob(insert_, 2, record.headers[0].value.data(),
                        static_cast<int>(record.headers[0].value.size()), SQLITE_STATIC);
      sqlite3_bind_blob(insert_, 3, record.value.data(), static_cast<int>(record.value.size()),
                        SQLITE_STATIC);
      if (sqlite3_step(insert_) != SQLITE_DONE) check(SQLITE_ERROR);
      sqlite3_reset(insert_);
    }
    run("COMMIT");
  }
  /// Copies up to `most` records from `from` on; returns how many.
  std::size_t read(int64_t from, std::size_t most, std::string& into) {
    into.clear();
    std::size_t count = 0;
    sqlite3_bind_int64(select_, 1, from);
    sqlite3_bind_int64(select_, 2, static_cast<int64_t>(most));
    for (; sqlite3_step(select_) == SQLITE_ROW; ++count)
      into.append(static_cast<const char*>(sqlite3_column_blob(select_, 4)),
                  static_cast<std::size_t>(sqlite3_column_bytes(select_, 4)));
    sqlite3_reset(select_);
    return count;
  }

 private:
  void check(int code) {
    if (code != SQLITE_OK) throw FailedError(std::string("sqlite: ") + sqlite3_errmsg(db_));
  }
  void run(const char* sql) { check(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr)); }

  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* select_ = nullptr;
  int64_t next_ = 0;
};

void print_row(const std::string& what, const Way& way, const Way& yardstick) {
  const auto count = static_cast<double>(way.records);
  const double rate = count / way.seconds;
  const double cpu_us = 1e6 * way.cpu_seconds / count;
  const double ratio = rate * yardstick.seconds / static_cast<double>(yardstick.records);
  std::printf("%-26s %-13s %9.0f records/s %8.1f MB/s %6.2f us CPU/record %6.2f x plain file\n", what.c_str(),
              way.name.c_str(), rate, rate * record_bytes / 1e6, cpu_us, ratio);
}

/// Lets the ways take turns until each has had its time, so that all meet the same disk and the same
/// neighbours.
void race(std::vector<Way>& ways, std::span<const NewRecord> batch, double seconds, const std::string& what) {
  while (std::ranges::any_of(ways, [&](const Way& way) { return way.seconds < seconds; }))
    for (auto& way : ways) {
      const double start = monotonic_seconds();
      const double cpu_start = process_cpu_seconds();
      const double until = start + seconds / 20;
      do {
        way.append(batch);
        way.records += batch.size();
      } while (monotonic_seconds() < until);
      way.seconds += monotonic_seconds() - start;
      way.cpu_seconds += process_cpu_seconds() - cpu_start;
    }
  for (const auto& way : ways) print_row(what, way, ways[0]);
}

double bytes_on_disk(const std::filesystem::path& folder) {
  std::FILE* pipe = ::popen(("du -sB1 '" + folder.string() + "'").c_str(), "r");
  double bytes = 0;
  if (pipe != nullptr && std::fscanf(pipe, "%lf", &bytes) != 1) bytes = 0;
  if (pipe != nullptr) ::pclose(pipe);
  return bytes;
}

void bench_appends(const std::filesystem::path& folder, bool sync, std::size_t batch, double seconds) {
  const TemporaryFolder temporary(folder / "drst-log-bench");
  const auto records = make_records(batch);
  const SystemClock clock;
  EmbeddedLog log(temporary.path() / "log", clock, sync ? Durability::full : Durability::relaxed, {});
  log.ensure_topic("t", 1);
  PlainFile file(temporary.path() / "plain", sync);
  Sqlite sqlite(temporary.path() / "sqlite", sync);
  std::vector<Way> ways = {{"plain file", [&](auto batch_) { file.append(batch_); }},
                           {"embedded log", [&](auto batch_) { log.append("t", 0, batch_); }},
                           {"SQLite (WAL)", [&](auto batch_) { sqlite.append(batch_); }}};
  race(ways, records, seconds,
       std::string("append ") + (sync ? "durable" : "relaxed") + ", batch " + std::to_string(batch));
  if (!sync) {
    log.sync();
    const double payload = static_cast<double>(ways[1].records) * record_bytes;
    std::printf("%-28s %-14s %.3f bytes on disk for each byte of value\n", "", "embedded log",
                bytes_on_disk(temporary.path() / "log") / payload);
  }
}

void bench_reads(const std::filesystem::path& folder, std::size_t batch_size, double seconds) {
  constexpr int64_t stored = 20'000;
  const TemporaryFolder temporary(folder / "drst-log-bench");
  const auto records = make_records(100);
  const SystemClock clock;
  EmbeddedLog log(temporary.path() / "log", clock, Durability::relaxed, {});
  log.ensure_topic("t", 1);
  PlainFile file(temporary.path() / "plain", false);
  Sqlite sqlite(temporary.path() / "sqlite", false);
  for (int64_t i = 0; i < stored; i += 100) {
    log.append("t", 0, records);
    file.append(records);
    sqlite.append(records);
  }
  const auto consumer = log.subscribe({.group = "g", .member = "m", .topic = "t"});
  Batch batch;
  std::string buffer(record_bytes * batch_size, '\0');
  int64_t at_file = 0;
  int64_t at_sqlite = 0;
  std::size_t polled = 0;
  uint64_t allocated = 0;
  const auto count = static_cast<int64_t>(batch_size);
  std::vector<Way> ways = {{"plain file",
                            [&](auto) {
                              if (::pread(file.descriptor(), buffer.data(), buffer.size(),
                                          at_file * static_cast<int64_t>(record_bytes)) < 0)
                                std::abort();
                              at_file = at_file + 2 * count > stored ? 0 : at_file + count;
                            }},
                           {"embedded log",
                            [&](auto) {
                              const auto before = allocations.load();
                              consumer->poll(batch, {.max_records = batch_size});
                              allocated = allocations.load() - before;
                              if (batch.records().size() != batch_size) std::abort();
                              polled += batch_size;
                              if (polled + 2 * batch_size > stored) {
                                consumer->seek(0, 0);
                                polled = 0;
                              }
                            }},
                           {"SQLite (WAL)", [&](auto) {
                              if (sqlite.read(at_sqlite, batch_size, buffer) != batch_size) std::abort();
                              at_sqlite = at_sqlite + 2 * count > stored ? 0 : at_sqlite + count;
                            }}};
  race(ways, std::span(records).first(batch_size), seconds, "read, batch " + std::to_string(batch_size));
  std::printf("%-28s %-14s %llu allocations in the last poll\n", "", "embedded log",
              static_cast<unsigned long long>(allocated));
}

}  // namespace
}  // namespace drst

int main(int argc, char** argv) {
  const std::filesystem::path folder = argc > 1 ? argv[1] : std::filesystem::temp_directory_path();
  const double seconds = argc > 2 ? std::atof(argv[2]) : 1;
  for (const bool sync : {true, false})
    for (const std::size_t batch : {std::size_t{1}, std::size_t{64}})
      drst::bench_appends(folder, sync, batch, seconds);
  for (const std::size_t batch : {std::size_t{1}, std::size_t{64}}) drst::bench_reads(folder, batch, seconds);
  return 0;
}
