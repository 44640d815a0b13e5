#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "pipeline/run.h"

namespace drst {

namespace fs = std::filesystem;

namespace {
/// What a run puts into its folder; only these are removed by `overwrite`, so that a wrong --out cannot empty
/// somebody's home.
constexpr const char* produced[] = {"summary.json", "report.html", "report.md", "plots",
                                    "store",        "log",         "data"};
}  // namespace

namespace {

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

OutputFolder::OutputFolder(const fs::path& path, bool overwrite) : path_(path), lock_(lock_folder(path)) {
  bool occupied = false;
  for (const auto* name : produced) occupied = occupied || fs::exists(path / name);
  if (!occupied) return;
  if (!overwrite)
    throw InputError("--out " + path.string() +
                     " already holds a run; choose another folder, or --overwrite to replace it");
  for (const auto* name : produced) fs::remove_all(path / name);
}

}  // namespace drst
