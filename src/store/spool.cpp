#include "store/spool.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "store/upload_file.h"

namespace drst {

namespace fs = std::filesystem;

namespace {

constexpr const char* note_file = "store";
constexpr std::uint64_t most_noted = 4096;

std::string bucket_of(const S3Store& store) {
  const std::string url = store.url();
  return url.substr(5, url.find('/', 5) - 5);
}

std::string note_of(const S3Store& store) {
  return store.url() + "\n" + store.client().endpoint() + "\n" + store.client().addressing() + "\n";
}

/// Takes the first line off.
std::string next_line(std::string& text) {
  const auto end = std::min(text.find('\n'), text.size());
  std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  return line;
}

void count_waiting(OtherSpool& spool) {
  std::error_code code;
  for (fs::directory_iterator entry(spool.folder / "queue", code); !code && entry != fs::directory_iterator();
       entry.increment(code))
    if (const auto upload = parse_upload_name(entry->path().filename().string())) {
      ++spool.waiting;
      spool.bytes += upload->bytes;
    }
}

}  // namespace

fs::path spool_folder(const StoreSettings& settings, const S3Store& store) {
  fs::path base = settings.spool;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (base.empty()) {
    if (const auto state = variable("STATE_DIRECTORY"); !state.empty()) {
      base = fs::path(state.substr(0, state.find(':'))) / "spool";
    } else if (const auto xdg = variable("XDG_STATE_HOME"); !xdg.empty()) {
      base = fs::path(xdg) / "drst/spool";
    } else if (const auto home = variable("HOME"); !home.empty()) {
      base = fs::path(home) / ".local/state/drst/spool";
    } else {
      throw InputError("there is no place for what waits for upload: set store.spool to a folder");
    }
  }
  return fs::absolute(base) / (bucket_of(store) + "-" + sha256_hex(store.address()).substr(0, 12));
}

void note_store(const fs::path& folder, const S3Store& store) {
  try {
    const std::string note = note_of(store);
    if (read_file_if_exists(folder / note_file, most_noted) != note)
      write_file_atomic(folder / note_file, note);
  } catch (const Error& error) {
    log::debug(std::string("not noted: ") + error.what());
  }
}

std::vector<OtherSpool> other_spools(const fs::path& ours, const S3Store& store) {
  constexpr std::size_t digits = 12;
  const std::string begin = bucket_of(store) + "-";
  std::vector<OtherSpool> found;
  std::error_code code;
  for (fs::directory_iterator entry(ours.parent_path(), code); !code && entry != fs::directory_iterator();
       entry.increment(code)) {
    const std::string name = entry->path().filename().string();
    if (entry->path() == ours || !name.starts_with(begin) || name.size() != begin.size() + digits) continue;
    OtherSpool spool;
    spool.folder = entry->path();
    try {
      if (auto note = read_file_if_exists(spool.folder / note_file, most_noted)) {
        if (next_line(*note) != store.url()) continue;
        spool.endpoint = next_line(*note);
        spool.addressing = next_line(*note);
      }
    } catch (const Error& error) {
      log::warning(error.what());
    }
    count_waiting(spool);
    if (spool.waiting > 0) found.push_back(std::move(spool));
  }
  std::ranges::sort(found, {}, &OtherSpool::folder);
  return found;
}

std::string spool_remedy(const fs::path& folder) {
  return "; what waits for upload lies in " + folder.string() +
         ": make it writable, or name another folder with store.spool (on the command line: --set "
         "store.spool=DIR)";
}

}  // namespace drst
