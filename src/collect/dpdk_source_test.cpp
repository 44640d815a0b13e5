// The client and the source of DPDK's telemetry, on a server that misbehaves on demand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <mutex>
#include <thread>

#include "base/files.h"
#include "base/text.h"
#include "collect/dpdk_client.h"
#include "collect/source.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// Answers on `path` as `answer` says; "" hangs, "close" closes.
class FakeServer {
 public:
  explicit FakeServer(const std::filesystem::path& path, int pid = 7) : path_(path), pid_(pid) {
    std::filesystem::remove(path);
    struct sockaddr_un address {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    listener_ = Descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), 4) != 0)
      std::abort();
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeServer() {
    ending_ = true;
    thread_.join();
    std::filesystem::remove(path_);
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  void say(std::string stats, std::string xstats = "{\"/ethdev/xstats\": {}}") {
    const std::lock_guard lock(mutex_);
    stats_ = std::move(stats);
    xstats_ = std::move(xstats);
  }
  void greet(std::string text) {
    const std::lock_guard lock(mutex_);
    greeting_ = std::move(text);
  }
  std::vector<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  bool readable(int fd) const {
    while (!ending_) {
      struct pollfd wait {
        fd, POLLIN, 0
      };
      if (::poll(&wait, 1, 5) > 0) return true;
    }
    return false;
  }
  void serve() {
    while (readable(listener_.get())) {
      const Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string greeting;
      {
        const std::lock_guard lock(mutex_);
        greeting = greeting_.empty() ? "{\"version\": \"DPDK 22.11\", \"pid\": " + to_text(pid_) +
                                           ", \"max_output_len\": 16384}"
                                     : greeting_;
      }
      send(client, greeting);
      while (readable(client.get())) {
        char command[256];
        const ssize_t length = ::recv(client.get(), command, sizeof command, 0);
        if (length <= 0) break;
        std::string answer;
        {
          const std::lock_guard lock(mutex_);
          asked_.emplace_back(command, static_cast<std::size_t>(length));
          answer = asked_.back().starts_with("/ethdev/xstats") ? xstats_ : stats_;
        }
        if (answer == "close") break;
        if (!answer.empty()) send(client, answer);
      }
    }
  }
  static void send(const Descriptor& client, const std::string& text) {
    (void)::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }

  std::filesystem::path path_;
  int pid_;
  Descriptor listener_;
  std::mutex mutex_;
  std::string stats_, xstats_, greeting_;
  std::vector<std::string> asked_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

std::string stats(int bytes, int packets) {
  return "{\"/ethdev/stats\": {\"ipackets\": " + to_text(packets) +
         ", \"opackets\": 1, \"ibytes\": " + to_text(bytes) +
         ", \"obytes\": 1, \"imissed\": 0, \"ierrors\": 0, \"oerrors\": 0, \"rx_nombuf\": 0, \"q_ipackets\": "
         "[1, "
         "2]}}";
}

struct Dpdk : testing::Test {
  TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "telemetry";
  SourceSpec spec;
  CollectSettings settings;
  Dpdk() {
    spec.type = "dpdk";
    spec.socket = path.string();
    settings.patience = 0.3;
  }
  /// A tick; waits for the answer, or for as long as it may take.
  static std::vector<double> tick(Source& source) {
    Tick at;
    at.now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                    std::chrono::steady_clock::now().time_since_epoch())
                    .count();
    source.ask(at);
    for (int i = 0; i < 2000 && !source.answered(); ++i) std::this_thread::sleep_for(1ms);
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> values(source.columns().size(), nan), shares(source.columns().size(), nan);
    source.take(at, values, shares);
    return values;
  }
};

TEST_F(Dpdk, CountersBecomeRates) {
  FakeServer server(path);
  server.say(stats(1000, 10));
  const auto source = make_dpdk_source(spec, settings);
  EXPECT_EQ(source->name(), "dpdk port0");
  EXPECT_EQ(source->columns(), (std::vector<std::string>{"port0_rx_mbit", "port0_tx_mbit", "port0_rx_pps",
                                                         "port0_tx_pps", "port0_rx_missed", "port0_rx_errors",
                                                         "port0_tx_errors", "port0_rx_nombuf"}));
  EXPECT_TRUE(std::isnan(tick(*source)[0]));
  EXPECT_TRUE(source->state().present) << source->state().words;
  server.say(stats(1000 + 125'000, 10 + 100));
  std::this_thread::sleep_for(20ms);
  const auto values = tick(*source);
  EXPECT_GT(values[0], 0);
  EXPECT_LE(values[0], 1 / 0.02);
  EXPECT_NEAR(values[2] / values[0], 100, 1e-6);
  EXPECT_EQ(values[1], 0);
  EXPECT_THAT(server.asked(), testing::Each("/ethdev/stats,0"));
}

TEST_F(Dpdk, WantedColumnsMayBeExtendedOnes) {
  FakeServer server(path);
  spec.columns = {"rx_q0_errors", "rx_pps", "nothing"};
  spec.port = 2;
  spec.name = "wan";
  server.say(stats(1, 10), "{\"/ethdev/xstats\": {\"rx_q0_errors\": 5, \"other\": 6}}");
  const auto source = make_dpdk_source(spec, settings);
  EXPECT_EQ(source->columns(), (std::vector<std::string>{"wan_rx_q0_errors", "wan_rx_pps", "wan_nothing"}));
  tick(*source);
  server.say(stats(1, 10), "{\"/ethdev/xstats\": {\"rx_q0_errors\": 7, \"other\": 6}}");
  const auto values = tick(*source);
  EXPECT_GT(values[0], 0);
  EXPECT_EQ(values[1], 0);
  EXPECT_TRUE(std::isnan(values[2]));
  EXPECT_THAT(source->state().words, HasSubstr("not there: nothing"));
  EXPECT_THAT(server.asked(), testing::Contains("/ethdev/xstats,2"));
}

TEST_F(Dpdk, AServerThatIsNotThereGoesAndComesBack) {
  const auto source = make_dpdk_source(spec, settings);
  EXPECT_TRUE(std::isnan(tick(*source)[0]));
  EXPECT_FALSE(source->state().present);
  EXPECT_THAT(source->state().words, HasSubstr("cannot connect to"));
  {
    FakeServer server(path, 7);
    server.say(stats(1, 1));
    tick(*source);
    EXPECT_EQ(tick(*source)[0], 0);
  }
  EXPECT_TRUE(std::isnan(tick(*source)[0]));
  EXPECT_FALSE(source->state().present);
  FakeServer other(path, 8);
  other.say(stats(1'000'000'000, 1));
  EXPECT_TRUE(std::isnan(tick(*source)[0])) << "another process counts from somewhere else";
  EXPECT_TRUE(source->state().present);
  EXPECT_EQ(tick(*source)[0], 0);
}

TEST_F(Dpdk, ARestartBetweenTwoTicksCostsNoAnswer) {
  auto server = std::make_unique<FakeServer>(path, 7);
  server->say(stats(1, 1));
  const auto source = make_dpdk_source(spec, settings);
  tick(*source);
  server.reset();
  server = std::make_unique<FakeServer>(path, 8);
  server->say(stats(2, 2));
  tick(*source);
  EXPECT_TRUE(source->state().present) << source->state().words;
}

TEST_F(Dpdk, AServerThatHangsIsMissingInTimeAndItsLateAnswerIsNobodys) {
  FakeServer server(path);
  server.say("");
  const auto source = make_dpdk_source(spec, settings);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(std::isnan(tick(*source)[0]));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_THAT(source->state().words, HasSubstr("has not answered in time"));
  server.say(stats(1, 1));
  tick(*source);
  EXPECT_TRUE(source->state().present) << source->state().words;
  server.say("close");
  tick(*source);
  EXPECT_THAT(source->state().words, HasSubstr("closed the connection"));
}

TEST_F(Dpdk, RubbishAndHugeAnswersAreSaid) {
  FakeServer server(path);
  auto source = make_dpdk_source(spec, settings);
  for (const auto& [answer, words] :
       std::vector<std::pair<std::string, std::string>>{{"rubbish", "no JSON object"},
                                                        {"[1]", "no JSON object"},
                                                        {"{\"/other\": 1}", "not to /ethdev/stats"},
                                                        {"{\"/ethdev/stats\": null}", "no such port"},
                                                        {"{\"/ethdev/stats\": 4}", "no values by name"},
                                                        {"{\"/ethdev/stats\": {\"ibytes\": \"x\"}}", ""}}) {
    server.say(answer);
    EXPECT_TRUE(std::isnan(tick(*source)[0]));
    EXPECT_THAT(source->state().words, HasSubstr(words)) << answer;
  }
  source.reset();  // the server has one client at a time
  settings.max_answer_bytes = 1024;
  const auto careful = make_dpdk_source(spec, settings);
  server.say(std::string(5000, ' '));
  tick(*careful);
  EXPECT_THAT(careful->state().words,
              HasSubstr("an answer of 5000 bytes is beyond collect.max_answer_bytes"));
  server.say(stats(1, 1));
  tick(*careful);
  EXPECT_TRUE(careful->state().present);
}

TEST_F(Dpdk, AServerOfSomethingElseIsSaid) {
  FakeServer server(path);
  server.greet("220 welcome");
  const auto source = make_dpdk_source(spec, settings);
  tick(*source);
  EXPECT_THAT(source->state().words, HasSubstr("is no telemetry of DPDK"));
  EXPECT_EQ(parse_dpdk_greeting("{}").value(), 0);
}

TEST_F(Dpdk, EndsAtOnceWhileAServerHangs) {
  FakeServer server(path);
  server.say("");
  auto source = make_dpdk_source(spec, settings);
  source->ask({0, 0,
               std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::steady_clock::now().time_since_epoch())
                   .count(),
               1});
  const auto begin = std::chrono::steady_clock::now();
  source.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

}  // namespace
}  // namespace drst
