// A store that asks before each write whether the writer still may: for what one process at a time does (the
// pointer, alarms, flags), under a lease that is kept elsewhere.
//
// A process that was stopped for longer than its lease and wakes has an heir by then; without this it would
// finish the write that it was stopped in front of. `need_lease` throws in that case, and nothing is written.
// A stop between the answer and the write cannot be ruled out: what is written so must be harmless late, and
// be noticed by the heir (tuning/judge.h does so for the pointer). Reads ask nobody. Threads and errors as
// below; `need_lease` is called on the writing thread. The store below must outlive it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace drst {

class LeasedStore final : public ObjectStore {
 public:
  LeasedStore(ObjectStore& below, std::function<void()> need_lease)
      : below_(below), need_lease_(std::move(need_lease)) {}

  void put(const std::string& key, std::string_view bytes) override {
    need_lease_();
    below_.put(key, bytes);
  }
  bool put_new(const std::string& key, std::string_view bytes) override {
    need_lease_();
    return below_.put_new(key, bytes);
  }
  bool remove(const std::string& key) override {
    need_lease_();
    return below_.remove(key);
  }
  std::optional<std::string> get(const std::string& key,
                                 std::uint64_t limit = std::uint64_t{1} << 32) override {
    return below_.get(key, limit);
  }
  bool exists(const std::string& key) override { return below_.exists(key); }
  std::vector<std::string> list(const std::string& prefix) override { return below_.list(prefix); }
  [[nodiscard]] std::optional<std::filesystem::path> local_file(const std::string& key) const override {
    return below_.local_file(key);
  }
  [[nodiscard]] std::string url() const override { return below_.url(); }

 private:
  ObjectStore& below_;
  std::function<void()> need_lease_;
};

}  // namespace drst
