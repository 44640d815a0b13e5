// A part of a store as a store of its own: key "models/latest.txt" is "<prefix>models/latest.txt" of the one
// below.
//
// So whoever works on a store needs not know which part of it is his. Keys cannot leave the part: they are
// checked before the prefix is set in front. All else, threads and errors included, is as below; its messages
// name the whole key. The store below must outlive it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/store.h"

namespace drst {

class PrefixStore final : public ObjectStore {
 public:
  /// `prefix`: empty (all of it), or whole parts and a slash, "targets/latency/". InputError for another.
  PrefixStore(ObjectStore& below, std::string prefix);

  void put(const std::string& key, std::string_view bytes) override;
  bool put_new(const std::string& key, std::string_view bytes) override;
  std::optional<std::string> get(const std::string& key,
                                 std::uint64_t limit = std::uint64_t{1} << 32) override;
  bool exists(const std::string& key) override;
  std::vector<std::string> list(const std::string& prefix) override;
  bool remove(const std::string& key) override;
  [[nodiscard]] std::optional<std::filesystem::path> local_file(const std::string& key) const override;
  [[nodiscard]] std::string url() const override;

 private:
  [[nodiscard]] std::string whole(const std::string& key) const;

  ObjectStore& below_;
  std::string prefix_;
};

}  // namespace drst
