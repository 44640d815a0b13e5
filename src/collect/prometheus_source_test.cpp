// Pages over HTTP, from a server on loopback that misbehaves on demand.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "collect/source.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// One request a connection; answers with `status` and `page`, or hangs where the status is 0.
class PageServer {
 public:
  PageServer() {
    struct sockaddr_in address {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    listener_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
        ::listen(listener_.get(), 8) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~PageServer() {
    ending_ = true;
    thread_.join();
  }
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;

  [[nodiscard]] std::string host() const { return "127.0.0.1:" + to_text(port_); }
  void say(std::string page, int status = 200) {
    const std::lock_guard lock(mutex_);
    page_ = std::move(page);
    status_ = status;
  }
  std::string request() {
    const std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  void serve() {
    std::vector<Descriptor> hanging;
    while (!ending_) {
      struct pollfd wait {
        listener_.get(), POLLIN, 0
      };
      if (::poll(&wait, 1, 5) <= 0) continue;
      Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::string request;
      char bytes[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::recv(client.get(), bytes, sizeof bytes, 0);
        if (got <= 0) break;
        request.append(bytes, static_cast<std::size_t>(got));
      }
      const std::lock_guard lock(mutex_);
      request_ = request;
      if (status_ == 0) {
        hanging.push_back(std::move(client));
        continue;
      }
      const std::string answer = "HTTP/1.1 " + to_text(status_) +
                                 " X\r\nConnection: close\r\nContent-Length: " + to_text(page_.size()) +
                                 "\r\n\r\n" + page_;
      (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }

  Descriptor listener_;
  int port_ = 0;
  std::mutex mutex_;
  std::string page_, request_;
  int status_ = 200;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

struct Prometheus : testing::Test {
  PageServer server;
  SourceSpec spec;
  CollectSettings settings;
  Prometheus() {
    ::setenv("no_proxy", "127.0.0.1", 1);
    spec.type = "prometheus";
    spec.where = "chain.toml:5";
    spec.url = "http://" + server.host() + "/metrics";
    spec.metrics = {{"x_total", "x", "auto"}};
    settings.patience = 0.5;
  }
  static std::vector<double> tick(Source& source) {
    Tick at;
    at.now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                    std::chrono::steady_clock::now().time_since_epoch())
                    .count();
    source.ask(at);
    for (int i = 0; i < 3000 && !source.answered(); ++i) std::this_thread::sleep_for(1ms);
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    std::vector<double> values(source.columns().size(), nan), shares(source.columns().size(), nan);
    source.take(at, values, shares);
    return values;
  }
};

TEST_F(Prometheus, CountersAreRatesGaugesValuesAndSeriesAreSummed) {
  spec.metrics = {{"x_total{code=\"200\"}", "", "auto"},
                  {"g", "gauge", "auto"},
                  {"g", "rate", "rate"},
                  {"x_total", "raw", "value"}};
  server.say(
      "# TYPE x_total counter\nx_total{code=\"200\",i=\"a\"} 5\nx_total{code=\"200\",i=\"b\"} 10\n"
      "x_total{code=\"500\"} 100\n# TYPE g gauge\ng{i=\"a\"} 1.5\ng{i=\"b\"} 2\n");
  const auto source = make_prometheus_source(spec, settings);
  EXPECT_EQ(source->columns(), (std::vector<std::string>{"x_total{code=\"200\"}", "gauge", "rate", "raw"}));
  auto values = tick(*source);
  EXPECT_TRUE(source->state().present) << source->state().words;
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], 3.5);
  EXPECT_TRUE(std::isnan(values[2]));
  EXPECT_EQ(values[3], 115);
  server.say(
      "# TYPE x_total counter\nx_total{code=\"200\",i=\"a\"} 7\nx_total{code=\"200\",i=\"b\"} 14\n"
      "x_total{code=\"500\"} 100\n# TYPE g gauge\ng{i=\"a\"} 1.5\ng{i=\"b\"} 5\n");
  values = tick(*source);
  EXPECT_GT(values[0], 0);
  EXPECT_NEAR(values[2] / values[0], 0.5, 1e-9) << "3 of one kind and 6 of the other in the same time";
  EXPECT_THAT(server.request(), HasSubstr("GET /metrics HTTP/1.1"));
}

TEST_F(Prometheus, ASeriesThatBeginsAnewIsMissingAndANewOneWaits) {
  const auto page = [&](int a, int b, int c) {
    server.say("# TYPE x_total counter\nx_total{i=\"a\"} " + to_text(a) + "\nx_total{i=\"b\"} " + to_text(b) +
               (c > 0 ? "\nx_total{i=\"c\"} " + to_text(c) : "") + "\n");
  };
  const auto source = make_prometheus_source(spec, settings);
  page(100, 100, 0);
  tick(*source);
  page(1, 1000, 0);
  EXPECT_TRUE(std::isnan(tick(*source)[0])) << "the sum has grown, but one of them was reset";
  page(1, 1000, 5000);
  EXPECT_EQ(tick(*source)[0], 0) << "what a new one counted before is no rate";
  page(1, 1000, 5001);
  EXPECT_GT(tick(*source)[0], 0);
}

TEST_F(Prometheus, WhatIsWrongIsSaidAndPasses) {
  const auto source = make_prometheus_source(spec, settings);
  const auto words = [&] {
    EXPECT_TRUE(std::isnan(tick(*source)[0]));
    return source->state().words;
  };
  server.say("", 503);
  EXPECT_THAT(words(), HasSubstr("HTTP status 503"));
  EXPECT_FALSE(source->state().present);
  server.say("", 301);
  EXPECT_THAT(words(), HasSubstr("redirects are not followed"));
  server.say("<html>\n");
  EXPECT_THAT(words(), HasSubstr("holds no metrics"));
  server.say("y 1\n<b>\n");
  EXPECT_THAT(words(), HasSubstr("not on the page: x_total"));
  EXPECT_THAT(source->state().words, HasSubstr("1 lines are no metrics, the first is line 2"));
  EXPECT_FALSE(source->state().present);
  server.say("x_total NaN\n");
  EXPECT_EQ(words(), "");
  server.say("x_total 4\n");
  EXPECT_EQ(tick(*source)[0], 4) << "without a TYPE it is a value";
}

TEST_F(Prometheus, AServerThatHangsOrIsNotThereIsMissingInTime) {
  settings.patience = 0.2;
  auto source = make_prometheus_source(spec, settings);
  server.say("", 0);
  const auto begin = std::chrono::steady_clock::now();
  tick(*source);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  EXPECT_THAT(source->state().words, HasSubstr("no answer: "));
  server.say("x_total 4\n");
  EXPECT_EQ(tick(*source)[0], 4);
  spec.url = "http://127.0.0.1:1/";
  source = make_prometheus_source(spec, settings);
  tick(*source);
  EXPECT_THAT(source->state().words, HasSubstr("no answer: "));
}

TEST_F(Prometheus, AnAnswerThatIsTooLargeIsNotTaken) {
  settings.max_answer_bytes = 1024;
  const auto source = make_prometheus_source(spec, settings);
  server.say(std::string(4096, '\n') + "x_total 4\n");
  tick(*source);
  EXPECT_THAT(source->state().words, HasSubstr("beyond collect.max_answer_bytes"));
}

TEST_F(Prometheus, CredentialsAreSentAndNeverShown) {
  spec.url = "http://me:geheim@" + server.host() + "/metrics?token=geheim";
  const auto source = make_prometheus_source(spec, settings);
  EXPECT_EQ(source->name(), "prometheus http://***@" + server.host() + "/metrics?***");
  server.say("x_total 4\n");
  EXPECT_EQ(tick(*source)[0], 4);
  EXPECT_THAT(server.request(), HasSubstr("Authorization: Basic bWU6Z2VoZWlt"));
  server.say("", 401);
  tick(*source);
  EXPECT_THAT(source->state().words, testing::Not(HasSubstr("geheim")));
}

TEST_F(Prometheus, WhatCanNeverWorkIsRefused) {
  const auto refusal = [&] {
    try {
      (void)make_prometheus_source(spec, settings);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("taken");
  };
  spec.metrics = {{"sum(x)", "", "auto"}};
  EXPECT_THAT(refusal(), HasSubstr("chain.toml:5: 'sum(x)' is no metric"));
  spec.metrics = {{"x", "", "auto"}, {"x", "", "rate"}};
  EXPECT_THAT(refusal(), HasSubstr("two metrics make a column 'x'"));
}

}  // namespace
}  // namespace drst
