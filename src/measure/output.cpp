#include "measure/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace drst::detail {

namespace fs = std::filesystem;

namespace {
constexpr const char* unfinished_name = ".drst-unfinished";
constexpr const char* lock_name = ".drst-lock";
constexpr std::uint64_t longest_manifest = std::uint64_t{64} << 20;
}  // namespace

PreprocessOutput::PreprocessOutput(fs::path out, bool overwrite)
    : out_(std::move(out)), unfinished_(out_ / unfinished_name) {
  make_folders(fs::absolute(out_));
  lock_ = std::make_unique<FileLock>(out_ / lock_name);
  if (!lock_->valid())
    throw InputError("--out " + out_.string() +
                     " is in use by a running drst; choose another folder or wait for its end");
  if (!overwrite && fs::exists(out_ / manifest_name))
    throw InputError("--out " + out_.string() +
                     " already holds tables; choose another folder, or --overwrite to replace them");
  fs::remove_all(unfinished_);
  make_folders(fs::absolute(unfinished_));
}

PreprocessOutput::~PreprocessOutput() {
  std::error_code ignored;
  fs::remove_all(unfinished_, ignored);
  lock_.reset();
  fs::remove(out_ / lock_name, ignored);
}

std::vector<std::string> PreprocessOutput::made_before() const {
  std::vector<std::string> names;
  const auto text = read_file_if_exists(out_ / manifest_name, longest_manifest);
  if (!text) return names;
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  const auto files = json.is_object() ? json.find("files") : json.end();
  if (files == json.end() || !files->is_array()) return names;
  for (const auto& file : *files) {
    if (!file.is_string()) continue;
    const auto name = file.get<std::string>();
    if (!name.empty() && name.front() != '.' && name.find('/') == std::string::npos) names.push_back(name);
  }
  return names;
}

void PreprocessOutput::take_place() {
  const auto before = made_before();
  std::vector<fs::path> made;
  for (const auto& entry : fs::directory_iterator(unfinished_)) made.push_back(entry.path().filename());
  std::sort(made.begin(), made.end());
  for (const auto& name : made)
    if (name != manifest_name && name != "dirt.json" && fs::exists(out_ / name) &&
        std::find(before.begin(), before.end(), name.string()) == before.end())
      throw InputError("--out " + out_.string() + " holds " + name.string() +
                       ", which no earlier run made; choose another folder");
  // Thousands of small files in one go, before any of them takes the place of an earlier one.
  const Descriptor folder(::open(unfinished_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid() || ::syncfs(folder.get()) != 0)
    throw FailedError(unfinished_.string() + " cannot be synced: " + std::strerror(errno));
  fs::remove(out_ / manifest_name);
  for (const auto& name : before) fs::remove_all(out_ / name);
  for (const auto& name : made) {
    if (name == manifest_name) continue;
    fs::rename(unfinished_ / name, out_ / name);
  }
  if (fs::exists(unfinished_ / manifest_name)) fs::rename(unfinished_ / manifest_name, out_ / manifest_name);
  sync_folder(out_);
}

}  // namespace drst::detail
