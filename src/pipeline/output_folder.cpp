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

OutputFolder::OutputFolder(const fs::path& path, bool overwrite) : path_(path) {
  make_folders(fs::absolute(path));
  lock_ = std::make_unique<FileLock>(path / ".drst-lock");
  if (!lock_->valid())
    throw InputError("--out " + path.string() +
                     " is in use by a running drst; choose another folder or wait for its end");
  bool occupied = false;
  for (const auto* name : produced) occupied = occupied || fs::exists(path / name);
  if (!occupied) return;
  if (!overwrite)
    throw InputError("--out " + path.string() +
                     " already holds a run; choose another folder, or --overwrite to replace it");
  for (const auto* name : produced) fs::remove_all(path / name);
}

}  // namespace drst
