// Put and get of a large object in S3 beside `curl --aws-sigv4`, which is given the digest that we compute.
//   build/bin/store_s3_bench [MB]      64 MB (10^6 bytes) by default
// Starts S3Proxy on loopback (tests/services_s3.py). Rounds alternate, so that all meet the same machine;
// printed are medians in MB/s of wall time, with curl's start, which is some ms, among its own. What curl
// gets it keeps in a file, as we do in memory, or throws away. What comparing with the ETag costs: with 8 MB.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "store/s3_store.h"

namespace {

constexpr int rounds = 9;

/// The server as a child; its "export NAME=VALUE" lines go into our environment.
class Server {
 public:
  explicit Server(const std::string& folder) {
    int out[2];
    if (::pipe(out) != 0) return;
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(out[1], 1);
      ::close(out[0]);
      ::close(out[1]);
      ::execl("/usr/bin/python3", "python3", DRST_SOURCE_DIR "/tests/services_s3.py", folder.c_str(),
              nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1;) {
      if (c != '\n') {
        line += c;
        continue;
      }
      if (line.starts_with("#")) {
        ready_ = true;
        break;
      }
      const auto equals = line.find('=');
      if (line.starts_with("export "))
        ::setenv(line.substr(7, equals - 7).c_str(), line.substr(equals + 1).c_str(), 1);
      line.clear();
    }
    ::close(out[0]);
  }
  ~Server() {
    if (child_ <= 0) return;
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  [[nodiscard]] bool ready() const { return ready_; }

 private:
  pid_t child_ = -1;
  bool ready_ = false;
};

double seconds_of(const std::function<void()>& work) {
  const double begin = drst::monotonic_seconds();
  work();
  return drst::monotonic_seconds() - begin;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void shell(const std::string& command) {
  if (std::system(command.c_str()) != 0) {
    std::fprintf(stderr, "curl failed\n");
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace drst;
  const auto size = static_cast<std::size_t>(argc > 1 ? parse_int(argv[1]).value_or(64) : 64) * 1'000'000;
  const TemporaryFolder folder;
  const Server server((folder.path() / "service").string());
  if (!server.ready()) {
    std::puts("left out: no S3 server could be started, see above");
    return 0;
  }
  ::setenv("no_proxy", "127.0.0.1", 1);
  ::unsetenv("AWS_SESSION_TOKEN");
  std::string bytes(size, '\0');
  Random random(1);
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const uint64_t word = random();
    std::copy_n(reinterpret_cast<const char*>(&word), 8, bytes.begin() + static_cast<std::ptrdiff_t>(i));
  }
  const auto file = (folder.path() / "object").string();
  write_file_atomic(file, bytes, Sync::no);
  const std::string curl =
      "curl -sf --aws-sigv4 aws:amz:us-east-1:s3 --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" "
      "-H 'Content-Type: application/octet-stream' \"$AWS_ENDPOINT_URL_S3/drst/theirs\" -H "
      "x-amz-content-sha256:";
  const std::string curl_put = curl + sha256_hex(bytes) + " -o /dev/null -T " + file,
                    curl_get = curl + sha256_hex("") + " -o ";
  S3Store store("s3://drst");
  S3Settings trusting;
  trusting.check_etag = false;
  S3Store unchecked("s3://drst", trusting);

  std::vector<double> put, get, their_put, their_get, thrown_away, get_unchecked;
  for (int round = -1; round < rounds; ++round) {  // one to warm up
    std::optional<std::string> got;
    const double times[] = {seconds_of([&] { store.put("ours", bytes); }),
                            seconds_of([&] { shell(curl_put); }),
                            seconds_of([&] { got = store.get("ours"); }),
                            seconds_of([&] { shell(curl_get + file + ".got"); }),
                            seconds_of([&] { shell(curl_get + "/dev/null"); }),
                            seconds_of([&] { (void)unchecked.get("ours"); })};
    if (got != bytes) std::abort();
    if (round < 0) continue;
    put.push_back(times[0]);
    their_put.push_back(times[1]);
    get.push_back(times[2]);
    their_get.push_back(times[3]);
    thrown_away.push_back(times[4]);
    get_unchecked.push_back(times[5]);
  }
  const auto line = [&](const char* what, const std::vector<double>& ours,
                        const std::vector<double>& theirs) {
    const double mb = static_cast<double>(size) * 1e-6;
    std::printf("%s of %.0f MB: %.0f MB/s, curl %.0f MB/s: %.0f %% of it\n", what, mb, mb / median(ours),
                mb / median(theirs), 100 * median(theirs) / median(ours));
  };
  line("put", put, their_put);
  line("get", get, their_get);
  line("get, curl's thrown away", get, thrown_away);
  std::printf(
      "a get that is compared with its ETag (objects up to 8 MiB) takes %.3f of one that is not, and the MD5 "
      "%.3f\n",
      median(get) / median(get_unchecked), seconds_of([&] { (void)md5_hex(bytes); }) / median(get_unchecked));
  return 0;
}
