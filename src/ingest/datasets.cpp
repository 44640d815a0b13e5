#include "ingest/datasets.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/time.h"
#include "ingest/http_download.h"

namespace drst {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view without_network =
    "; check network and proxy (https_proxy), point [datasets] base_url at a mirror, or copy the tables into "
    "the data folder by hand";

std::string url_of(const DatasetFile& file, const DatasetSettings& settings) {
  return settings.base_url + (settings.base_url.ends_with('/') ? "" : "/") + file.path;
}

void sleep_unless_stopped(double seconds) {
  const double end = monotonic_seconds() + seconds;
  double left = seconds;
  while (left > 0) {
    throw_if_stopped();
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, 0.1)));
    left = end - monotonic_seconds();
  }
}

/// Why `content` is not the file, or nothing.
std::string difference(const DatasetFile& file, const std::string& content) {
  if (file.bytes && content.size() != *file.bytes)
    return "has " + to_text(content.size()) + " bytes instead of " + to_text(*file.bytes);
  const std::string id = git_blob_id(content);
  return id == file.git_blob_id ? std::string()
                                : "has the Git blob id " + id + " instead of " + file.git_blob_id;
}

/// Downloads until the server has no more to send; true if some of the part is from an earlier attempt,
/// nothing if an optional file is not there.
std::optional<bool> download_all(const DatasetFile& file, const fs::path& part,
                                 const DatasetSettings& settings, FetchedFile& fetched,
                                 const FetchObserver& observer) {
  HttpRequest request;
  request.url = url_of(file, settings);
  request.connect_timeout_s = settings.connect_timeout_s;
  request.stall_timeout_s = settings.stall_timeout_s;
  request.max_bytes = file.bytes.value_or(static_cast<std::uint64_t>(settings.max_bytes));
  if (observer) request.progress = [&](std::uint64_t bytes) { observer({file.name(), bytes, file.bytes}); };
  double wait_s = settings.retry_wait_s;
  for (int64_t attempt = 0;; ++attempt) {
    const HttpOutcome outcome = download(request, part);
    throw_if_stopped();
    fetched.transferred += outcome.transferred;
    switch (outcome.kind) {
      case HttpOutcome::Kind::complete:
        return outcome.resumed;
      case HttpOutcome::Kind::range:
        return true;  // whole, or wrong: the caller looks
      case HttpOutcome::Kind::too_large:
        fs::resize_file(part, 0);
        throw FailedError(request.url + " is not the published file: " + outcome.words);
      case HttpOutcome::Kind::missing:
        if (file.optional) return std::nullopt;
        [[fallthrough]];
      case HttpOutcome::Kind::refused:
        throw FailedError("cannot fetch " + request.url + ": " + outcome.words +
                          "; check [datasets] base_url, which must end where the repository's files begin");
      case HttpOutcome::Kind::interrupted:
        if (attempt >= settings.retries)
          throw Error(ExitCode::unreachable, "cannot fetch " + request.url + ": " + outcome.words +
                                                 " (tried " + to_text(attempt + 1) + " times)" +
                                                 std::string(without_network));
        log::info("fetching " + file.name() + ": " + outcome.words + "; trying again in " +
                  to_fixed(wait_s, 1) + " s");
        sleep_unless_stopped(wait_s);
        wait_s *= 2;
    }
  }
}

std::optional<FetchedFile> fetch(const DatasetFile& file, const fs::path& folder,
                                 const DatasetSettings& settings, Overwrite overwrite,
                                 const FetchObserver& observer) {
  FetchedFile fetched;
  fetched.path = folder / file.name();
  const auto limit = std::max(static_cast<std::uint64_t>(settings.max_bytes), file.bytes.value_or(0));
  if (fs::exists(fetched.path)) {
    const std::string content = read_file(fetched.path, limit);
    const std::string wrong = difference(file, content);
    fetched.bytes = content.size();
    fetched.was_there = wrong.empty();
    if (wrong.empty()) return fetched;
    if (overwrite == Overwrite::no)
      throw InputError(fetched.path.string() + " is not the published file: it " + wrong +
                       "; move it away, or fetch with --overwrite");
  }
  fs::path part = fetched.path;
  part += ".part";
  const FileLock lock(
      part);  // the part is emptied rather than removed, so that this stays the lock of its name
  if (!lock.valid()) throw InputError(part.string() + " is being fetched by another process; wait for it");
  for (bool again = true;;) {
    const auto resumed = download_all(file, part, settings, fetched, observer);
    if (!resumed) {
      fs::remove(part);
      log::warning(url_of(file, settings) + " is not there; the stream goes without " + file.name());
      return std::nullopt;
    }
    const std::string content = read_file(part, limit);
    const std::string wrong = difference(file, content);
    if (wrong.empty()) {
      fetched.bytes = content.size();
      break;
    }
    fs::resize_file(part, 0);
    // The beginning may be of another file, or damaged; from nothing, once.
    if (!*resumed || !again)
      throw FailedError(url_of(file, settings) + " is not the published file: it " + wrong +
                        "; check [datasets] base_url, or tell whoever runs that mirror");
    log::info("fetching " + file.name() + ": what was there already does not fit; beginning anew");
    again = false;
  }
  if (observer && !file.bytes) observer({file.name(), fetched.bytes, fetched.bytes});
  fs::rename(part, fetched.path);
  sync_folder(folder);
  return fetched;
}

}  // namespace

std::string DatasetFile::name() const { return fs::path(path).filename().string(); }

void describe(SettingsVisitor& visitor, DatasetSettings& settings) {
  visitor.visit("base_url", settings.base_url,
                {"",
                 "where the published tables lie, up to the commit they were verified at; a mirror must have "
                 "the same paths"});
  visitor.visit(
      "connect_timeout_s", settings.connect_timeout_s,
      {"s", "how long a connection may take to come about; a proxy far away needs some seconds", 0.1, 3600});
  visitor.visit("stall_timeout_s", settings.stall_timeout_s,
                {"s", "how long a transfer may stand still before it is broken off and resumed", 1, 3600});
  visitor.visit(
      "retries", settings.retries,
      {"",
       "attempts after a connection that broke or a server error; each goes on where the last one stopped", 0,
       100});
  visitor.visit("retry_wait_s", settings.retry_wait_s,
                {"s", "pause before the first retry; it doubles each time", 0, 600});
  visitor.visit(
      "max_bytes", settings.max_bytes,
      {"bytes",
       "largest table that is accepted where its size is not known beforehand; the known ones have 1.5 MB", 1,
       4e9});
}

const std::vector<DatasetFile>& published_datasets() {
  static const std::vector<DatasetFile> files = {
      {"datasets/combined.csv", "a6da27152bb718406e326aff3328dd39703b0f21", 1'222'753},
      {"datasets/random_rates.csv", "abff21cc0e5c3856b2331228fd705b09cee32d99", std::nullopt},
      {"datasets/resource_stimulus_global_A-B-C_modified.csv", "f720e53ab6e043864dd42f37dcc6385bf23b3ca3",
       1'542'022},
      {"datasets/intervention_global.csv", "951fa7d22ace3b4447f9d4915df4dacaaf538d4e", std::nullopt},
      // Its content is known, its place is where the others are, or it is not there.
      {"datasets/dag-1_resource_stimulus_global_A-B-C.csv", "bb1f344584cbf48aa3ffdbe4bb8d329086efa659",
       1'505'460, true}};
  return files;
}

FetchObserver terminal_progress() {
  if (::isatty(STDERR_FILENO) == 0) return {};
  return [](const FetchProgress& progress) {
    const double mib = static_cast<double>(progress.bytes) / (1 << 20);
    std::string line = "\r" + progress.name + " " + to_fixed(mib, 2) + " MiB";
    if (progress.total) line += " of " + to_fixed(static_cast<double>(*progress.total) / (1 << 20), 2);
    line += "\x1b[K";
    if (progress.total && progress.bytes >= *progress.total) line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
  };
}

std::vector<FetchedFile> fetch_datasets(const std::vector<DatasetFile>& files, const fs::path& folder,
                                        const DatasetSettings& settings, Overwrite overwrite,
                                        const FetchObserver& observer) {
  if (!settings.base_url.starts_with("http://") && !settings.base_url.starts_with("https://"))
    throw InputError("[datasets] base_url '" + settings.base_url + "' must begin with https:// or http://");
  make_folders(folder);
  std::vector<FetchedFile> fetched;
  fetched.reserve(files.size());
  for (const auto& file : files)
    if (auto one = fetch(file, folder, settings, overwrite, observer)) fetched.push_back(std::move(*one));
  return fetched;
}

}  // namespace drst
