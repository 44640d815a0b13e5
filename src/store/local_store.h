// Objects as files of one folder: key "models/latest.txt" is the file <folder>/models/latest.txt.
//
// Why so: a person can look at it with ls, copy it, and a crashed writer cannot harm it. `put` writes a
// temporary file beside the target, syncs it, renames it, syncs the folder and, once for each folder and
// handle, the folders above it. `put_new` links instead of renaming, so that of several processes exactly one
// wins. Temporary files of crashed writers are invisible and are removed by the next writer to that folder
// once they are old enough to belong to nobody alive. Keys cannot leave the folder: check_key admits no "..",
// and symbolic links that someone puts inside are that someone's decision. Files whose names are no keys are
// ignored. Any number of threads and processes may work on one folder.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/settings.h"
#include "store/store.h"

namespace drst {

class LocalStore final : public ObjectStore {
 public:
  /// Creates the folder. FailedError if that cannot be done.
  explicit LocalStore(const std::filesystem::path& folder, const StoreSettings& settings = {});

  void put(const std::string& key, std::string_view bytes) override;
  bool put_new(const std::string& key, std::string_view bytes) override;
  std::optional<std::string> get(const std::string& key,
                                 std::uint64_t limit = std::uint64_t{1} << 32) override;
  bool exists(const std::string& key) override;
  std::vector<std::string> list(const std::string& prefix) override;
  bool remove(const std::string& key) override;
  [[nodiscard]] std::optional<std::filesystem::path> local_file(const std::string& key) const override;
  [[nodiscard]] std::string url() const override { return "file:" + folder_.string(); }

 private:
  [[nodiscard]] std::filesystem::path path_of(const std::string& key) const { return folder_ / key; }
  /// Makes the folder of `target` ready for a durable write.
  void prepare_folder(const std::filesystem::path& target);
  void remove_leftovers(const std::filesystem::path& folder) const;

  std::filesystem::path folder_;
  StoreSettings settings_;
  std::mutex mutex_;                          ///< guards prepared_
  std::set<std::filesystem::path> prepared_;  ///< folders whose own entries are known to be on disk
};

}  // namespace drst
