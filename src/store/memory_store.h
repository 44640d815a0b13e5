// A store for simulation: same contract as a folder on disk, no disk, and faults on demand.
//
// `MemoryDisk` is what survives a simulated process: the harness keeps it and gives it to the next
// `MemoryStore`. Each call tells the `FaultPoint` (base/fault.h) "store.<call>.before" with the key, and
// calls with an effect ("put", "put_new", "remove") "store.<call>.after". There a harness may throw
// SimulatedCrash (the process dies), or FailedError (a full disk before the effect, a lost answer after it).
//
// A store made with Sync::no is a planted bug: it forgets to sync, so what it wrote survives a dead process,
// but not `MemoryDisk::lose_power`. Stores and disk may be used from several threads.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/fault.h"
#include "base/files.h"
#include "base/random.h"
#include "store/store.h"

namespace drst {

class MemoryDisk {
 public:
  /// The machine stops. Each object with unsynced writes is, by chance, as it was when last synced, as last
  /// written, or torn (a beginning of what was last written: renamed before its data was on disk).
  void lose_power(Random& random);
  [[nodiscard]] std::size_t unsynced() const;

 private:
  friend class MemoryStore;
  using Content = std::optional<std::string>;  ///< nullopt: no such object

  void change(const std::string& key, Content content, Sync sync);

  mutable std::mutex mutex_;
  std::map<std::string, std::string> objects_;
  std::map<std::string, Content> synced_;  ///< of objects with unsynced writes: what is on disk for sure
};

class MemoryStore final : public ObjectStore {
 public:
  /// Null arguments: a disk of its own; no faults. `faults` must outlive the store.
  explicit MemoryStore(std::shared_ptr<MemoryDisk> disk = nullptr, FaultPoint* faults = nullptr,
                       Sync sync = Sync::yes);

  void put(const std::string& key, std::string_view bytes) override;
  bool put_new(const std::string& key, std::string_view bytes) override;
  std::optional<std::string> get(const std::string& key,
                                 std::uint64_t limit = std::uint64_t{1} << 32) override;
  bool exists(const std::string& key) override;
  std::vector<std::string> list(const std::string& prefix) override;
  bool remove(const std::string& key) override;
  [[nodiscard]] std::string url() const override { return "memory:"; }

 private:
  void reached(std::string_view operation, const std::string& subject) const;
  void check_room(const std::string& key) const;

  std::shared_ptr<MemoryDisk> disk_;
  FaultPoint* faults_;
  Sync sync_;
};

}  // namespace drst
