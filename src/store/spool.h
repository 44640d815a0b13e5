// Where upload queues lie: a folder for each store, below one that all stores of a machine share. Internal,
// but for `drst store`.
//
// The folder's name tells where the store really is, by its address. One service may have several addresses
// (localhost and 127.0.0.1, a name and its alias), and nobody can tell that two are one: each has a folder,
// and the file `store` in it says whose it is, so that what waits under another spelling is found.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "store/s3_store.h"
#include "store/settings.h"

namespace drst {

/// Of the queue of `store` by these settings. InputError if no place is set.
std::filesystem::path spool_folder(const StoreSettings& settings, const S3Store& store);
/// Notes in the folder whose it is. That it cannot be noted is no error.
void note_store(const std::filesystem::path& folder, const S3Store& store);

/// The same bucket and prefix at another endpoint, with objects that wait.
struct OtherSpool {
  std::filesystem::path folder;
  std::string endpoint, addressing;  ///< as the settings [s3] have them; "": not noted there
  std::size_t waiting = 0;
  std::uint64_t bytes = 0;
};
/// Of the folders beside `ours`. One in which nothing is noted counts if it is of the bucket.
std::vector<OtherSpool> other_spools(const std::filesystem::path& ours, const S3Store& store);

/// "...; store.spool names another": what to do where that folder cannot be written to.
std::string spool_remedy(const std::filesystem::path& folder);

}  // namespace drst
