// A KafkaLog on librdkafka's mock cluster, inside this process: what needs no real broker, and failures that
// a real one is not easily brought to. The contract itself is tested on a real one (tests/kafka_test.py).
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <chrono>

#include "base/stop.h"
#include "stream/kafka_auth.h"
#include "stream/log_test_bed.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using namespace drst::testing;

/// librdkafka starts its threads by thrd_create, of which ThreadSanitizer's runtime learns nothing, and so it
/// crashes in them.
#ifdef __SANITIZE_THREAD__
constexpr bool can_run = false;
#else
constexpr bool can_run = true;
#endif

class KafkaMock : public ::testing::Test {
 protected:
  KafkaMock() {
    if (!can_run) return;
    std::array<char, 256> error{};
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", nullptr, 0);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error.data(), error.size());
    cluster_ = rd_kafka_mock_cluster_new(handle_, 1);
    rd_kafka_mock_topic_create(cluster_, "t", 2, 1);
    kafka_.connect_timeout_s = 5;
    kafka_.patience_s = 5;
  }
  ~KafkaMock() override {
    if (!can_run) return;
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  void SetUp() override {
    if (!can_run) GTEST_SKIP() << "librdkafka's threads are not ThreadSanitizer's";
  }
  std::unique_ptr<KafkaLog> open() {
    return std::make_unique<KafkaLog>("kafka://" + std::string(rd_kafka_mock_cluster_bootstraps(cluster_)),
                                      kafka_, LogSettings());
  }

  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  KafkaSettings kafka_;
};

TEST_F(KafkaMock, AppendsAndReadsBack) {
  const auto log = open();
  EXPECT_EQ(log->partitions("t"), 2);
  EXPECT_EQ(log->partitions("u"), 0);
  EXPECT_THROW(log->ensure_topic("t", 3), InputError);
  const std::vector<NewRecord> records = {text_record("a"), text_record("b")};
  EXPECT_EQ(log->append("t", 1, records), 0);
  EXPECT_EQ(log->append("t", 1, records), 2);
  EXPECT_EQ(log->watermarks("t", 1).end, 4);
  EXPECT_EQ(read_all(*log, "t", 1), (std::vector<std::string>{"a", "b", "a", "b"}));
  EXPECT_EQ(read_all(*log, "t", 1, 3), (std::vector<std::string>{"b"}));
  EXPECT_TRUE(log->wait(0ms));
  EXPECT_FALSE(log->wait(1ms));
}

TEST_F(KafkaMock, ALostAnswerPutsNoRecordTwice) {
  const auto log = open();
  append_text(*log, "t", 0, "first");
  constexpr int16_t produce = 0;  // the request's number in Kafka's protocol
  rd_kafka_mock_push_request_errors(cluster_, produce, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                    RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
  append_text(*log, "t", 0, "second");
  EXPECT_EQ(read_all(*log, "t", 0), (std::vector<std::string>{"first", "second"}));
}

TEST_F(KafkaMock, ARefusedAppendIsAnErrorAndTheNextOneGoesOn) {
  const auto log = open();
  append_text(*log, "t", 0, "first");
  constexpr int16_t produce = 0;
  rd_kafka_mock_push_request_errors(cluster_, produce, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  std::string message;
  EXPECT_EQ(refused_with([&] { append_text(*log, "t", 0, "refused"); }, &message),
            static_cast<int>(ExitCode::input));
  EXPECT_NE(message.find("topic 't', partition 0"), std::string::npos) << message;
  append_text(*log, "t", 0, "second");
  EXPECT_EQ(read_all(*log, "t", 0), (std::vector<std::string>{"first", "second"}));
}

/// A coordinator that moves while it is asked ended the process (librdkafka's issue 5040, open).
TEST_F(KafkaMock, ACoordinatorThatMovesIsAskedAgain) {
  const auto log = open();
  constexpr int16_t offset_fetch = 9;
  rd_kafka_mock_push_request_errors(cluster_, offset_fetch, 2, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
                                    RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
  EXPECT_FALSE(log->committed("g", "t", 0).has_value());
}

TEST_F(KafkaMock, AnOutageIsWaitedOutButNotForEver) {
  const auto log = open();
  append_text(*log, "t", 0, "first");
  rd_kafka_mock_broker_set_down(cluster_, 1);
  kafka_.connect_timeout_s = 0.5;
  EXPECT_EQ(refused_with([&] { open(); }), static_cast<int>(ExitCode::unreachable));
  request_stop();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(refused_with([&] { (void)log->watermarks("t", 0); }), static_cast<int>(ExitCode::interrupted));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  request_stop(false);
  rd_kafka_mock_broker_set_up(cluster_, 1);
  append_text(*log, "t", 0, "second");
  EXPECT_EQ(read_all(*log, "t", 0), (std::vector<std::string>{"first", "second"}));
}

TEST(KafkaSettingsTest, SecretsAndOtherPeoplesPromisesAreRefused) {
  const auto refusal = [](const std::string& name) {
    KafkaSettings settings;
    settings.properties[name] = "hidden";
    std::string message;
    EXPECT_EQ(refused_with([&] { kafka::check_properties(settings); }, &message),
              static_cast<int>(ExitCode::input))
        << name;
    EXPECT_EQ(message.find("hidden"), std::string::npos);
    return message;
  };
  for (const char* name : {"sasl.password", "ssl.key.password", "ssl.keystore.password", "ssl.key.pem",
                           "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config"})
    EXPECT_NE(refusal(name).find("is a secret"), std::string::npos) << name;
  for (const char* name :
       {"group.id", "enable.auto.commit", "acks", "enable.idempotence", "bootstrap.servers"})
    EXPECT_NE(refusal(name).find("cannot be given through"), std::string::npos) << name;
}

TEST(KafkaToken, ClaimsAreReadFromWhatMayBeAnything) {
  // {"sub":"alice","exp":1700000000.5}
  const auto claims = kafka::read_token("h.eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAwMDAwMC41fQ.s");
  ASSERT_TRUE(claims.has_value());
  EXPECT_EQ(claims->subject, "alice");
  EXPECT_EQ(claims->expires_ms, 1'700'000'000'500);
  for (const char* bad : {"", ".", "..", "a.b.c", "h.e30.s", "h.!!.s", "h.eyJzdWIiOjF9.s"})
    EXPECT_FALSE(kafka::read_token(bad).has_value()) << bad;
}

TEST(KafkaAddress, IsCheckedAndNeverRepeatsAPassword) {
  const auto refusal = [](const std::string& url) {
    std::string message;
    EXPECT_EQ(refused_with([&] { (void)kafka::make_site(url, {}, {}); }, &message),
              static_cast<int>(ExitCode::input))
        << url;
    return message;
  };
  for (const char* url : {"kafka://", "kafka:///", "kafka://a:b", "kafka://a:0", "kafka://a:65536",
                          "kafka://a b:1", "kafka://a:1,,b:2", "kafka://a:1,", "kafka://:1"})
    EXPECT_NE(refusal(url).find("kafka://host:port"), std::string::npos) << url;
  EXPECT_EQ(refusal("kafka://me:hidden@a:1").find("hidden"), std::string::npos);
  EXPECT_EQ(kafka::make_site("kafka://a:1,[::1]:2/", {}, {}).bootstrap, "a:1,[::1]:2");
}

}  // namespace
}  // namespace drst
