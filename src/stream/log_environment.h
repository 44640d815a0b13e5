// The LMDB environment under the embedded log: opened once a process, grown, checked, and its errors put
// into words.
//
//  * One process may not open an environment twice (LMDB's locks are per process), so open() hands out
//    shares of one a folder.
//  * A file that was cut would end in SIGBUS when a lost page is touched: open() compares the file's size
//    with the last used page. For that to be exact the file is kept a little longer than used (LMDB may
//    count a page as used that it never wrote); the extra is a hole and takes no disk.
//  * The map is doubled when it is full (MDB_MAP_FULL), and followed when another process has grown it
//    (MDB_MAP_RESIZED). No transaction of this process may be open meanwhile: all transactions hold
//    `resize_` shared, growing holds it alone. A thread must not begin a write inside a read.
//  * Slots of readers that were killed are cleared now and then, else the pages they had in view would
//    never be used again.
//  * After fork() a child may not use its parent's environments: whoever tries gets a LogError, and opens
//    anew.
// Any thread may call; a ReadTransaction belongs to one thread at a time.
#pragma once

#include <lmdb.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "stream/growth_signal.h"
#include "stream/log.h"
#include "stream/settings.h"

namespace drst {

class LogEnvironment {
 public:
  /// A share of the environment of this folder; made if there is none. With Durability::full all shares of
  /// this process become so.
  static std::shared_ptr<LogEnvironment> open(const std::filesystem::path& folder, Durability durability,
                                              const LogSettings& settings);
  LogEnvironment(const LogEnvironment&) = delete;
  LogEnvironment& operator=(const LogEnvironment&) = delete;
  ~LogEnvironment();

  static constexpr std::size_t longest_key = 511;  ///< bytes; LMDB's limit, and it takes no empty key
  struct Tables {
    MDB_dbi topics;  ///< name -> u32 partitions
    MDB_dbi blocks;  ///< partition_key + u64 first offset, big-endian -> block.h
    MDB_dbi groups;  ///< group '\0' topic -> group_codec.h
  };
  [[nodiscard]] const Tables& tables() const { return tables_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] GrowthSignal& growth() { return *growth_; }
  /// Inside write(): a buffer to build values in.
  [[nodiscard]] std::string& scratch() { return scratch_; }

  /// Runs `work` in the machine-wide only write transaction and commits if it returns true. It is run again
  /// if the map had to grow, so it must not leave anything behind but in the transaction and what it assigns.
  /// `bytes`: about how much it will add.
  void write(std::size_t bytes, const std::function<bool(MDB_txn*)>& work);
  void sync();
  /// Throws the LogError for an LMDB code other than MDB_SUCCESS; `doing` says what was tried.
  void check(int code, std::string_view doing) const;
  [[noreturn]] void damaged(const std::string& what) const;

  class ReadTransaction;

 private:
  struct MapFull {};  // thrown by check() to be caught by write()

  LogEnvironment(const std::filesystem::path& folder, Durability durability, const LogSettings& settings);
  void allocate_lock_file(const std::filesystem::path& file) const;
  void open_tables();
  void check_file_is_whole();
  void make_durable();
  bool try_write(std::size_t bytes, const std::function<bool(MDB_txn*)>& work);
  void cover_unwritten_pages(std::size_t bytes);
  void grow();
  void follow_growth();
  void use_in_this_process() const;
  void clear_dead_readers();
  [[nodiscard]] uint64_t used_bytes() const;
  [[nodiscard]] uint64_t file_bytes() const;

  std::string name_;  // "log DIR", for messages
  std::filesystem::path data_file_;
  LogSettings settings_;
  Durability durability_;
  MDB_env* env_ = nullptr;
  Tables tables_{};
  std::optional<GrowthSignal> growth_;
  std::shared_mutex resize_;
  uint64_t page_bytes_ = 4096;
  uint64_t known_file_bytes_ = 0;  // a lower bound; used under the write lock
  std::atomic<uint64_t> writes_{0};
  std::string scratch_;
  const uint64_t forks_;  // in this process's ancestry when it was opened
};

/// One snapshot after another, without allocation: renew(), read, reset().
class LogEnvironment::ReadTransaction {
 public:
  explicit ReadTransaction(std::shared_ptr<LogEnvironment> environment);
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;
  ~ReadTransaction();

  void renew();
  void reset() noexcept;
  [[nodiscard]] LogEnvironment& environment() const { return *environment_; }
  /// Inside renew()/reset(): the value of a key; good until reset().
  [[nodiscard]] std::optional<std::string_view> get(MDB_dbi table, std::string_view key) const;
  [[nodiscard]] std::vector<std::string> keys(MDB_dbi table) const;
  /// Inside renew()/reset(): a cursor over the blocks.
  [[nodiscard]] MDB_cursor* blocks() const { return cursor_; }

 private:
  void close() noexcept;

  std::shared_ptr<LogEnvironment> environment_;
  MDB_txn* txn_ = nullptr;
  MDB_cursor* cursor_ = nullptr;
  std::shared_lock<std::shared_mutex> no_resize_;
};

/// A cursor over the blocks inside write().
class WriteCursor {
 public:
  WriteCursor(const LogEnvironment& environment, MDB_txn* txn) {
    environment.check(mdb_cursor_open(txn, environment.tables().blocks, &cursor_), "read");
  }
  WriteCursor(const WriteCursor&) = delete;
  WriteCursor& operator=(const WriteCursor&) = delete;
  ~WriteCursor() { mdb_cursor_close(cursor_); }
  [[nodiscard]] MDB_cursor* get() const { return cursor_; }

 private:
  MDB_cursor* cursor_ = nullptr;
};

inline MDB_val as_value(std::string_view text) {
  return {text.size(), const_cast<char*>(
                           text.data())};  // LMDB takes pointers to non-const and does not write through them
}
inline std::string_view as_text(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

}  // namespace drst
