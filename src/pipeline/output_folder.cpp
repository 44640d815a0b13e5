#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "pipeline/run.h"

namespace drst {

namespace fs = std::filesystem;

namespace {

/// What a run puts into its folder; only these are replaced by `overwrite`, so that a wrong --out cannot
/// empty somebody's home.
constexpr const char* produced[] = {"summary.json", "report.html", "report.md", "plots",
                                    "store",        "log",         "data"};
constexpr const char* unfinished_name = ".drst-unfinished";
constexpr const char* replaced_name = ".drst-replaced";

std::unique_ptr<FileLock> lock_folder(const fs::path& path) {
  make_folders(fs::absolute(path));
  auto lock = std::make_unique<FileLock>(path / ".drst-lock");
  if (!lock->valid())
    throw InputError("--out " + path.string() +
                     " is in use by a running drst; choose another folder or wait for its end");
  return lock;
}

/// Whose results `folder` holds; empty: nobody's.
std::string owner_of(const fs::path& folder) {
  const auto text = read_file_if_exists(folder / "summary.json");
  if (!text) return {};
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  const auto run = json.is_object() ? json.find("run_id") : json.end();
  return run != json.end() && run->is_string() ? run->get<std::string>() : "a run that cannot be told";
}

}  // namespace

ReportFolder::ReportFolder(const fs::path& path, const ObjectStore& store, const std::string& run_id,
                           bool overwrite)
    : lock_(lock_folder(path)) {
  if (overwrite) return;
  // The runs of one seed have one name; where a run left its store beside its report, that tells them apart.
  const fs::path own = path / "store";
  const std::string url = store.url();
  std::error_code different;
  const bool others_store =
      fs::exists(own) && !(url.starts_with("file:") && fs::equivalent(url.substr(5), own, different));
  const std::string owner = owner_of(path);
  if (others_store || (!owner.empty() && owner != run_id))
    throw InputError("--out " + path.string() + " holds the results of another run" +
                     (owner.empty() || owner == run_id ? "" : " (" + owner + ")") + " than " + run_id +
                     " in " + url + "; choose another folder, or --overwrite to replace its report");
}

OutputFolder::OutputFolder(const fs::path& path, bool overwrite)
    : path_(path), unfinished_(path / unfinished_name), lock_(lock_folder(path)) {
  clear_up();
  bool occupied = false;
  for (const auto* name : produced) occupied = occupied || fs::exists(path / name);
  if (occupied && !overwrite)
    throw InputError("--out " + path.string() +
                     " already holds a run; choose another folder, or --overwrite to replace it");
  make_folders(fs::absolute(unfinished_));
}

OutputFolder::~OutputFolder() {
  if (keep_) return;
  std::error_code ignored;
  fs::remove_all(unfinished_, ignored);
}

void OutputFolder::clear_up() {
  const fs::path replaced = path_ / replaced_name;
  // Both are there: the replacement below was broken off, and the old run is whole but for its place.
  if (fs::exists(replaced) && fs::exists(unfinished_))
    for (const auto* name : produced)
      if (fs::exists(replaced / name)) {
        fs::remove_all(path_ / name);
        fs::rename(replaced / name, path_ / name);
      }
  fs::remove_all(unfinished_);
  fs::remove_all(replaced);
}

void OutputFolder::take_place() {
  const fs::path replaced = path_ / replaced_name;
  make_folders(fs::absolute(replaced));
  for (const auto* name : produced)
    if (fs::exists(path_ / name)) fs::rename(path_ / name, replaced / name);
  for (const auto* name : produced)
    if (fs::exists(unfinished_ / name)) fs::rename(unfinished_ / name, path_ / name);
  sync_folder(path_);
  fs::remove_all(unfinished_);  // from here on the new run is the one that holds
  fs::remove_all(replaced);
  keep_ = false;
}

}  // namespace drst
