#include "ingest/http_download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "base/stop.h"
#include "base/text.h"
#include "base/time.h"

namespace drst {

namespace {

struct Transfer {
  const HttpRequest& request;
  const std::filesystem::path& part;
  CURL* handle = nullptr;
  Descriptor file{};
  std::uint64_t begin = 0;  // bytes of the part that the request skips
  std::uint64_t size = 0;   // of the part now
  std::uint64_t transferred = 0;
  bool began = false;
  bool too_large = false;
  bool stalled = false;
  double last_byte_s = monotonic_seconds();
  int write_error = 0;

  /// Before the first byte of a body is written: does it go on, or begin anew?
  void start() {
    began = true;
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (status == 206) return;
    begin = size = 0;
    if (::ftruncate(file.get(), 0) != 0) write_error = errno;
  }

  std::size_t write(const char* data, std::size_t count) {
    if (!began) start();
    if (size + count > request.max_bytes) {
      too_large = true;
      return 0;
    }
    std::size_t done = 0;
    while (done < count && write_error == 0) {
      const auto wrote = ::pwrite(file.get(), data + done, count - done, static_cast<off_t>(size + done));
      if (wrote < 0 && errno != EINTR) write_error = errno;
      if (wrote > 0) done += static_cast<std::size_t>(wrote);
    }
    if (write_error != 0) return 0;
    size += count;
    transferred += count;
    last_byte_s = monotonic_seconds();
    if (request.progress) request.progress(size);
    return count;
  }
};

std::size_t on_body(char* data, std::size_t one, std::size_t count, void* transfer) {
  return static_cast<Transfer*>(transfer)->write(data, one * count);
}

/// About once a second. libcurl's own low-speed limit goes by an average that a fast beginning keeps up for
/// long.
int on_progress(void* pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(pointer);
  transfer.stalled =
      monotonic_seconds() - transfer.last_byte_s >
      transfer.request.stall_timeout_s + (transfer.began ? 0 : transfer.request.connect_timeout_s);
  return transfer.stalled || stop_requested() ? 1 : 0;
}

long milliseconds(double seconds) { return static_cast<long>(seconds * 1000); }

HttpOutcome judge(CURLcode code, long status, const char* detail, const Transfer& transfer) {
  HttpOutcome outcome;
  outcome.transferred = transfer.transferred;
  outcome.resumed = transfer.begin > 0;
  using Kind = HttpOutcome::Kind;
  if (transfer.too_large) {
    outcome.kind = Kind::too_large;
    outcome.words = "it has more than " + to_text(transfer.request.max_bytes) + " bytes";
  } else if (transfer.stalled) {
    outcome.kind = Kind::interrupted;
    outcome.words = "no byte for " + to_text(transfer.request.stall_timeout_s) + " s";
  } else if (status == 416) {
    outcome.kind = Kind::range;
  } else if (status >= 500 || status == 429 || status == 408) {
    outcome.kind = Kind::interrupted;
    outcome.words = "the server answers with status " + to_text(status);
  } else if (status >= 400) {
    outcome.kind = status == 404 || status == 410 ? Kind::missing : Kind::refused;
    outcome.words = "the server answers with status " + to_text(status);
  } else if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) {
    outcome.kind = Kind::refused;
    outcome.words = curl_easy_strerror(code);
  } else if (code != CURLE_OK) {
    outcome.kind = Kind::interrupted;
    outcome.words = *detail != '\0' ? detail : curl_easy_strerror(code);
  }
  return outcome;
}

}  // namespace

HttpOutcome download(const HttpRequest& request, const std::filesystem::path& part) {
  static std::once_flag once;  // curl_global_init is not thread-safe in every build
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), &curl_easy_cleanup);
  if (!curl) throw FailedError("libcurl cannot be initialised");

  Transfer transfer{request, part, curl.get()};
  transfer.file = Descriptor(::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  struct stat status {};
  if (!transfer.file.valid() || ::fstat(transfer.file.get(), &status) != 0)
    throw FailedError("cannot write " + part.string() + ": " + std::generic_category().message(errno));
  transfer.begin = transfer.size = static_cast<std::uint64_t>(status.st_size);

  char detail[CURL_ERROR_SIZE] = "";
  CURL* const c = curl.get();
  curl_easy_setopt(c, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(c, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_USERAGENT, "drst/" DRST_VERSION);
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.connect_timeout_s));
  curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(c, CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &transfer);
  // An explicit header, not CURLOPT_RESUME_FROM: libcurl fails where the server ignores the range, and we can
  // begin anew.
  const std::string range = to_text(transfer.begin) + "-";
  if (transfer.begin > 0) curl_easy_setopt(c, CURLOPT_RANGE, range.c_str());

  const CURLcode code = curl_easy_perform(c);
  if (transfer.write_error != 0)
    throw FailedError("cannot write " + part.string() + ": " +
                      std::generic_category().message(transfer.write_error));
  long http_status = 0;
  curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &http_status);
  if (code == CURLE_OK && !transfer.began) transfer.start();  // an empty body
  if (::fsync(transfer.file.get()) != 0)
    throw FailedError("cannot sync " + part.string() + ": " + std::generic_category().message(errno));
  return judge(code, http_status, detail, transfer);
}

}  // namespace drst
