#include "stream/log_environment.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "base/files.h"
#include "base/text.h"

namespace drst {

namespace {

constexpr uint64_t mebi = uint64_t{1} << 20;
constexpr uint64_t map_step = uint64_t{64} << 10;  // a multiple of any page size
constexpr uint64_t file_step = 4 * mebi;           // how far the file is lengthened ahead of its use
constexpr uint64_t unwritten_pages = 256;  // more than one transaction here can count as used without writing
constexpr uint64_t writes_between_reader_checks = 256;
constexpr std::string_view format_key = "format";
constexpr std::string_view format_text = "drst-log 1";

/// The environments this process has open, by the folder's identity.
struct Registry {
  struct Entry {
    LogEnvironment* environment;
    std::size_t shares;
  };
  std::mutex mutex;
  std::map<std::pair<dev_t, ino_t>, Entry> open;
  uint64_t forks = 0;

  Registry() {
    ::pthread_atfork([] { instance().mutex.lock(); }, [] { instance().mutex.unlock(); },
                     [] {
                       // The child must not even close them: that would clear the reader slots of its parent.
                       instance().open.clear();
                       ++instance().forks;
                       instance().mutex.unlock();
                     });
  }
  static Registry& instance() {
    static auto* registry = new Registry;  // never destroyed: handles may be closed by other statics
    return *registry;
  }
};

}  // namespace

std::shared_ptr<LogEnvironment> LogEnvironment::open(const std::filesystem::path& folder,
                                                     Durability durability, const LogSettings& settings) {
  make_folders(folder);
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0)
    throw LogError(ExitCode::failed, "cannot open log '" + folder.string() + "': " + std::strerror(errno));
  const std::pair id(status.st_dev, status.st_ino);

  Registry& registry = Registry::instance();
  const std::lock_guard lock(registry.mutex);
  auto found = registry.open.find(id);
  if (found == registry.open.end()) {
    auto* made = new LogEnvironment(folder, durability, settings);
    found = registry.open.try_emplace(id, Registry::Entry{made, 0}).first;
  } else if (durability == Durability::full) {
    found->second.environment->make_durable();
  }
  ++found->second.shares;
  return {found->second.environment, [id](LogEnvironment* environment) {
            Registry& all = Registry::instance();
            const std::lock_guard guard(all.mutex);
            if (environment->forks_ != all.forks) return;  // the parent's
            const auto entry = all.open.find(id);
            if (--entry->second.shares > 0) return;
            all.open.erase(entry);
            delete environment;  // under the lock: nobody may open it again before it is closed
          }};
}

LogEnvironment::LogEnvironment(const std::filesystem::path& folder, Durability durability,
                               const LogSettings& settings)
    : name_("log '" + folder.string() + "'"),
      data_file_(std::filesystem::absolute(folder) / "data.mdb"),
      settings_(settings),
      durability_(durability),
      forks_(Registry::instance().forks) {
  constexpr uint64_t meta_pages_bytes = 8192;
  const auto signal_file = folder / "growth";
  // The signal file is made after the data file, so where it is the data file has been whole once.
  if (std::filesystem::exists(signal_file) && file_bytes() < meta_pages_bytes)
    throw LogError(ExitCode::failed, name_ + " is truncated: '" + data_file_.string() + "' has " +
                                         to_text(file_bytes()) + " bytes, needs at least " +
                                         to_text(meta_pages_bytes) + "; restore it or start a new log");
  allocate_lock_file(folder / "lock.mdb");
  check(mdb_env_create(&env_), "open");
  try {
    const auto map_bytes = static_cast<uint64_t>(settings_.map_initial_mib) * mebi;
    check(mdb_env_set_maxdbs(env_, 3), "open");
    check(mdb_env_set_maxreaders(env_, static_cast<unsigned>(settings_.max_readers)), "open");
    check(mdb_env_set_mapsize(env_, std::max(map_bytes, map_step)), "open");
    const unsigned flags = MDB_NOTLS | (durability == Durability::relaxed ? MDB_NOSYNC : 0u);
    check(mdb_env_open(env_, folder.c_str(), flags, 0644), "open");
    check_file_is_whole();
    clear_dead_readers();
    open_tables();
    growth_.emplace(signal_file);
  } catch (...) {
    mdb_env_close(env_);
    throw;
  }
}

/// LMDB makes its lock file as a hole and writes through a map, which on a full disk is SIGBUS. It takes a
/// longer file as it is.
void LogEnvironment::allocate_lock_file(const std::filesystem::path& file) const {
  constexpr int64_t slot_bytes = 64;
  constexpr int64_t head_bytes = 4096;  // LMDB's own is smaller
  const Descriptor made(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!made.valid()) return;  // it is there, or LMDB will say what is wrong
  if (const int code = ::posix_fallocate(made.get(), 0, head_bytes + slot_bytes * settings_.max_readers);
      code != 0) {
    ::unlink(file.c_str());
    check(code, "create");
  }
}

LogEnvironment::~LogEnvironment() { mdb_env_close(env_); }

uint64_t LogEnvironment::file_bytes() const {
  struct stat status {};
  return ::stat(data_file_.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_size) : 0;
}

uint64_t LogEnvironment::used_bytes() const {
  MDB_envinfo info{};
  check(mdb_env_info(env_, &info), "look into");
  return (info.me_last_pgno + 1) * page_bytes_;
}

void LogEnvironment::check_file_is_whole() {
  MDB_stat stat{};
  check(mdb_env_stat(env_, &stat), "look into");
  page_bytes_ = stat.ms_psize;
  known_file_bytes_ = file_bytes();
  if (const uint64_t used = used_bytes(); known_file_bytes_ < used && file_bytes() < used)
    throw LogError(ExitCode::failed, name_ + " is truncated: '" + data_file_.string() + "' has " +
                                         to_text(known_file_bytes_) + " bytes, needs " + to_text(used) +
                                         "; restore it or start a new log");
}

void LogEnvironment::open_tables() {
  const auto open_all = [&](MDB_txn* txn, unsigned flags) {
    for (const auto& [table, name] :
         {std::pair{&tables_.topics, "topics"}, {&tables_.blocks, "blocks"}, {&tables_.groups, "groups"}})
      if (const int code = mdb_dbi_open(txn, name, flags, table); code != MDB_SUCCESS) return code;
    return MDB_SUCCESS;
  };
  write(0, [&](MDB_txn* txn) {
    MDB_dbi main{};
    check(mdb_dbi_open(txn, nullptr, 0, &main), "open");
    MDB_stat stat{};
    check(mdb_stat(txn, main, &stat), "open");
    MDB_val key = as_value(format_key);
    MDB_val value{};
    const int code = mdb_get(txn, main, &key, &value);
    if (code == MDB_SUCCESS && as_text(value) != format_text)
      throw LogError(ExitCode::input, name_ + " is of format '" + std::string(as_text(value)) +
                                          "'; this program reads '" + std::string(format_text) + "'");
    if (code == MDB_NOTFOUND && stat.ms_entries > 0)
      throw LogError(ExitCode::input, name_ + " is a database of some other program; choose another folder");
    if (code == MDB_NOTFOUND) {
      value = as_value(format_text);
      check(mdb_put(txn, main, &key, &value, 0), "create");
    } else {
      check(code, "open");
    }
    check(open_all(txn, MDB_CREATE), "open");
    return true;  // also where nothing is new: table handles live on only if their transaction is committed
  });
}

void LogEnvironment::make_durable() {
  if (durability_ == Durability::full) return;
  const std::unique_lock alone(resize_);
  check(mdb_env_set_flags(env_, MDB_NOSYNC, 0), "open");
  check(mdb_env_sync(env_, 1), "sync");
  durability_ = Durability::full;
}

void LogEnvironment::use_in_this_process() const {
  if (forks_ != Registry::instance().forks)
    throw LogError(ExitCode::failed, name_ + " was opened by the parent process; open it again in this one");
}

void LogEnvironment::write(std::size_t bytes, const std::function<bool(MDB_txn*)>& work) {
  while (!try_write(bytes, work)) grow();
}

/// False: the map is too small, and nothing has happened.
bool LogEnvironment::try_write(std::size_t bytes, const std::function<bool(MDB_txn*)>& work) {
  use_in_this_process();
  if (++writes_ % writes_between_reader_checks == 0) clear_dead_readers();
  std::shared_lock no_resize(resize_);
  MDB_txn* txn = nullptr;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  for (; code == MDB_MAP_RESIZED; code = mdb_txn_begin(env_, nullptr, 0, &txn)) {
    no_resize.unlock();
    follow_growth();
    no_resize.lock();
  }
  check(code, "write to");
  try {
    if (!work(txn)) {
      mdb_txn_abort(txn);
      return true;
    }
    cover_unwritten_pages(bytes);
  } catch (const MapFull&) {
    mdb_txn_abort(txn);
    return false;
  } catch (...) {
    mdb_txn_abort(txn);
    throw;
  }
  code = mdb_txn_commit(txn);
  if (code == MDB_MAP_FULL) return false;
  check(code, "write to");
  return true;
}

/// Under the write lock, so that nobody else writes to the file.
void LogEnvironment::cover_unwritten_pages(std::size_t bytes) {
  const uint64_t needed = used_bytes() + unwritten_pages * page_bytes_ + 2 * bytes;
  if (known_file_bytes_ >= needed) return;
  known_file_bytes_ = file_bytes();
  if (known_file_bytes_ >= needed) return;
  if (::truncate(data_file_.c_str(), static_cast<off_t>(needed + file_step)) != 0) check(errno, "write to");
  known_file_bytes_ = needed + file_step;
}

void LogEnvironment::grow() {
  clear_dead_readers();
  const std::unique_lock alone(resize_);
  MDB_envinfo info{};
  check(mdb_env_info(env_, &info), "look into");
  const auto limit = static_cast<uint64_t>(settings_.map_limit_mib) * mebi;
  if (info.me_mapsize >= limit)
    throw LogError(
        ExitCode::failed,
        name_ + " is full: it may not grow beyond log.map_limit_mib = " + to_text(settings_.map_limit_mib) +
            "; raise that, or set retention so that old records go (what was stored before is intact)");
  check(mdb_env_set_mapsize(env_, std::min<uint64_t>(2 * info.me_mapsize, limit)), "grow");
}

void LogEnvironment::follow_growth() {
  const std::unique_lock alone(resize_);
  check(mdb_env_set_mapsize(env_, 0), "follow the growth of");
}

void LogEnvironment::clear_dead_readers() {
  int dead = 0;
  check(mdb_reader_check(env_, &dead), "look into");
}

void LogEnvironment::sync() {
  use_in_this_process();
  const std::shared_lock no_resize(resize_);
  check(mdb_env_sync(env_, 1), "sync");
}

void LogEnvironment::check(int code, std::string_view doing) const {
  if (code == MDB_SUCCESS) return;
  if (code == MDB_MAP_FULL) throw MapFull{};
  std::string advice;
  bool full = false;
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EIO:  // LMDB's word for a write that was cut short
      full = true;
      advice =
          "; is the disk full? Nothing of this was kept, all before it is intact: make room and try again";
      break;
    case MDB_READERS_FULL:
      advice = "; more readers than log.max_readers = " + to_text(settings_.max_readers) +
               ": close some, or raise it and reopen the log everywhere";
      break;
    case EACCES:
    case EROFS:
    case EPERM:
      advice = "; reading needs write permission too, for the lock file";
      break;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
      advice = "; its file is damaged: restore it or start a new log";
      break;
    default:
      break;
  }
  const std::string words = "cannot " + std::string(doing) + " " + name_ + ": " + mdb_strerror(code) + advice;
  if (full) throw DiskFullError(words);
  throw LogError(ExitCode::failed, words);
}

void LogEnvironment::damaged(const std::string& what) const {
  throw LogError(ExitCode::failed, name_ + " is damaged: " + what + "; restore it or start a new log");
}

LogEnvironment::ReadTransaction::ReadTransaction(std::shared_ptr<LogEnvironment> environment)
    : environment_(std::move(environment)) {}

LogEnvironment::ReadTransaction::~ReadTransaction() {
  if (environment_->forks_ == Registry::instance().forks) close();
}

void LogEnvironment::ReadTransaction::close() noexcept {
  if (cursor_ != nullptr) mdb_cursor_close(cursor_);
  if (txn_ != nullptr) mdb_txn_abort(txn_);
  cursor_ = nullptr;
  txn_ = nullptr;
}

void LogEnvironment::ReadTransaction::renew() {
  LogEnvironment& environment = *environment_;
  environment.use_in_this_process();
  no_resize_ = std::shared_lock(environment.resize_);
  for (bool checked = false;;) {
    const int code =
        txn_ == nullptr ? mdb_txn_begin(environment.env_, nullptr, MDB_RDONLY, &txn_) : mdb_txn_renew(txn_);
    if (code == MDB_SUCCESS) break;
    no_resize_.unlock();
    if (code == MDB_MAP_RESIZED) {
      environment.follow_growth();
    } else if (code == MDB_READERS_FULL && !checked) {
      environment.clear_dead_readers();
      checked = true;
    } else {
      environment.check(code, "read");
    }
    no_resize_.lock();
  }
  const int code = cursor_ == nullptr ? mdb_cursor_open(txn_, environment.tables_.blocks, &cursor_)
                                      : mdb_cursor_renew(txn_, cursor_);
  if (code != MDB_SUCCESS) {
    reset();
    environment.check(code, "read");
  }
}

void LogEnvironment::ReadTransaction::reset() noexcept {
  mdb_txn_reset(txn_);
  no_resize_ = {};
}

std::optional<std::string_view> LogEnvironment::ReadTransaction::get(MDB_dbi table,
                                                                     std::string_view key) const {
  MDB_val name = as_value(key);
  MDB_val value{};
  const int code = mdb_get(txn_, table, &name, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  environment_->check(code, "read");
  return as_text(value);
}

std::vector<std::string> LogEnvironment::ReadTransaction::keys(MDB_dbi table) const {
  MDB_cursor* opened = nullptr;
  environment_->check(mdb_cursor_open(txn_, table, &opened), "read");
  const std::unique_ptr<MDB_cursor, decltype(&mdb_cursor_close)> cursor(opened, &mdb_cursor_close);
  std::vector<std::string> names;
  MDB_val key{};
  MDB_val value{};
  int code = mdb_cursor_get(opened, &key, &value, MDB_FIRST);
  for (; code == MDB_SUCCESS; code = mdb_cursor_get(opened, &key, &value, MDB_NEXT))
    names.emplace_back(as_text(key));
  if (code != MDB_NOTFOUND) environment_->check(code, "read");
  return names;
}

}  // namespace drst
