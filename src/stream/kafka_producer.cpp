#include "stream/kafka_producer.h"

#include <algorithm>
#include <array>
#include <condition_variable>

#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"

namespace drst::kafka {

namespace {

using std::chrono::milliseconds;

/// An append under way, shared with the callback: whoever gives up may leave before the last report.
struct Delivery {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t open = 0;                         // enqueued and not reported
  std::vector<std::pair<int, int64_t>> firsts;  // partition and first offset
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
};
using Ticket = std::shared_ptr<Delivery>;  // one on the heap for each record on its way

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  const std::unique_ptr<Ticket> ticket(static_cast<Ticket*>(message->_private));
  Delivery& delivery = **ticket;
  const std::lock_guard lock(delivery.mutex);
  --delivery.open;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (delivery.code == RD_KAFKA_RESP_ERR_NO_ERROR) delivery.code = message->err;
  } else {
    const auto found =
        std::ranges::find(delivery.firsts, message->partition, &std::pair<int, int64_t>::first);
    if (found == delivery.firsts.end())
      delivery.firsts.emplace_back(message->partition, message->offset);
    else
      found->second = std::min(found->second, message->offset);
  }
  delivery.changed.notify_all();
}

using Headers = std::unique_ptr<rd_kafka_headers_t, Destroy<rd_kafka_headers_destroy>>;

Headers headers_of(const NewRecord& record) {
  if (record.headers.empty()) return nullptr;
  Headers headers(rd_kafka_headers_new(record.headers.size()));
  for (const auto& [key, value] : record.headers)
    rd_kafka_header_add(headers.get(), key.data(), static_cast<ssize_t>(key.size()),
                        value.empty() ? "" : value.data(), static_cast<ssize_t>(value.size()));
  return headers;
}

/// librdkafka copies; it only forgot to say const. `none`: null instead of empty.
decltype(rd_kafka_vu_t{}.u.mem) memory(const std::string& text, bool none) {
  return {const_cast<char*>(none ? nullptr : text.data()), text.size()};
}

}  // namespace

struct Producer::Session {
  explicit Session(const Site& site) {
    constexpr int64_t most = 1'000'000'000;  // librdkafka's bound
    constexpr int64_t overhead = 64 << 10;
    const int64_t largest = std::min(site.log.max_record_bytes + overhead, most);
    const int64_t queue = std::max(site.settings.send_queue_mib * 1024, largest / 1024 * 2);
    auto conf = make_conf(site,
                          {{"client.id", "drst"},
                           {"enable.idempotence", "true"},
                           {"enable.gapless.guarantee", "true"},
                           {"linger.ms", "0"},
                           {"reconnect.backoff.max.ms", "1000"},
                           {"message.max.bytes", to_text(largest)},
                           {"message.timeout.ms", to_text(site.patience().count())},
                           {"queue.buffering.max.kbytes", to_text(queue)}},
                          notices);
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    handle = make_handle(site, RD_KAFKA_PRODUCER, std::move(conf));
    server.emplace(handle.get());
  }
  /// Whoever still waits for a report gets it now.
  ~Session() {
    rd_kafka_purge(handle.get(),
                   RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    server.reset();
    while (rd_kafka_poll(handle.get(), 0) > 0) {
    }
  }

  Notices notices;
  Handle handle;
  std::optional<Server> server;
};

std::shared_ptr<Producer::Session> Producer::session() {
  const std::lock_guard lock(mutex_);
  if (!session_) session_ = std::make_shared<Session>(site_);
  return session_;
}

void Producer::give_up(const std::shared_ptr<Session>& spent) {
  const std::lock_guard lock(mutex_);
  if (session_ == spent) session_.reset();
}

/// An append from its first record to its last report.
class Producer::Sending final : public Appending {
 public:
  Sending(Producer& producer, const std::string& topic, std::span<const PartitionRecords> parts)
      : producer_(producer), session_(producer.session()) {
    what_ = "appending to topic '" + topic + "', partition";
    for (const auto& [partition, records] : parts) {
      what_ += (partitions_.empty() ? " " : ", ") + to_text(partition);
      partitions_.push_back(partition);
    }
    for (const auto& [partition, records] : parts)
      for (const NewRecord& record : records) send(topic, partition, record);
  }

  std::vector<int64_t> wait() override {
    std::unique_lock lock(delivery_->mutex);
    while (delivery_->open > 0) {
      delivery_->changed.wait_for(lock, slice);
      if (delivery_->open == 0) break;
      lock.unlock();
      look_around();
      lock.lock();
    }
    const auto code = delivery_->code;
    std::vector<int64_t> firsts(partitions_.size(), -1);
    for (const auto& [partition, first] : delivery_->firsts)
      firsts[static_cast<std::size_t>(std::ranges::find(partitions_, partition) - partitions_.begin())] =
          first;
    lock.unlock();
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) fail(code);
    if (said_) log::warning(producer_.site_.url + " answers again");
    return firsts;
  }

 private:
  static constexpr auto slice = milliseconds(100);

  void look_around() {
    const auto waited = std::chrono::steady_clock::now() - begin_;
    constexpr auto grace = std::chrono::seconds(2);  // a broker that is there has answered by then
    if (stop_requested() && waited > grace) {
      producer_.give_up(session_);
      throw_if_stopped();
    }
    if (said_ || waited < milliseconds(3000)) return;
    said_ = true;
    warn_of_wait(producer_.site_, what_, session_->notices.reason(), producer_.site_.patience());
  }

  [[noreturn]] void fail(rd_kafka_resp_err_t code) {
    std::array<char, 512> words{};
    const auto fatal = rd_kafka_fatal_error(session_->handle.get(), words.data(), words.size());
    producer_.give_up(session_);
    const bool timed_out = code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
    std::string reason = timed_out ? session_->notices.reason() : std::string(rd_kafka_err2str(code));
    if ((code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__PURGE_QUEUE) && fatal != 0) {
      code = fatal;
      reason = words.data();
    }
    throw problem(producer_.site_, what_, code, reason);
  }

  void send(const std::string& topic, int partition, const NewRecord& record) {
    for (;;) {
      auto headers = headers_of(record);
      auto ticket = std::make_unique<Ticket>(delivery_);
      {
        const std::lock_guard lock(delivery_->mutex);
        ++delivery_->open;
      }
      const auto ms = std::chrono::duration_cast<milliseconds>(record.timestamp.time_since_epoch()).count();
      const std::array<rd_kafka_vu_t, 8> fields{
          {{.vtype = RD_KAFKA_VTYPE_TOPIC, .u = {.cstr = topic.c_str()}},
           {.vtype = RD_KAFKA_VTYPE_PARTITION, .u = {.i32 = partition}},
           {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u = {.i = RD_KAFKA_MSG_F_COPY}},
           {.vtype = RD_KAFKA_VTYPE_KEY, .u = {.mem = memory(record.key, record.key.empty())}},
           {.vtype = RD_KAFKA_VTYPE_VALUE, .u = {.mem = memory(record.value, false)}},
           {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u = {.i64 = std::max<int64_t>(ms, 0)}},
           {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u = {.ptr = ticket.get()}},
           {.vtype = RD_KAFKA_VTYPE_HEADERS, .u = {.headers = headers.get()}}}};
      const Failure failure(rd_kafka_produceva(session_->handle.get(), fields.data(),
                                               headers ? fields.size() : fields.size() - 1));
      if (!failure) {
        (void)headers.release();
        (void)ticket.release();  // on_delivery()'s now, which the analyser cannot know
        return;                  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
      }
      std::unique_lock lock(delivery_->mutex);
      --delivery_->open;
      const auto code = rd_kafka_error_code(failure.get());
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        lock.unlock();
        fail(code);
      }
      // Room comes with reports, ours or another append's.
      delivery_->changed.wait_for(lock, slice / 10);
      lock.unlock();
      look_around();
    }
  }

  Producer& producer_;
  std::shared_ptr<Session> session_;
  std::string what_;
  std::vector<int> partitions_;  // of the parts
  const Ticket delivery_ = std::make_shared<Delivery>();
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  bool said_ = false;
};

std::unique_ptr<Appending> Producer::begin(const std::string& topic,
                                           std::span<const PartitionRecords> parts) {
  return std::make_unique<Sending>(*this, topic, parts);
}

}  // namespace drst::kafka
