#include "stream/kafka_reader.h"

#include <algorithm>

#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "stream/batch.h"

namespace drst::kafka {

namespace {
std::size_t size_of(const rd_kafka_message_t& message) { return message.len + message.key_len; }
}  // namespace

void add_to_batch(Batch::Storage& batch, const rd_kafka_message_t& message, int64_t max_bytes) {
  RecordView record;
  record.partition = message.partition;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t kind{};
  const int64_t ms = rd_kafka_message_timestamp(&message, &kind);
  if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE) record.timestamp = Time(std::chrono::milliseconds(ms));
  constexpr std::size_t enough_to_recognise = 4096;
  const bool cut = size_of(message) > static_cast<std::size_t>(max_bytes);
  const auto text = [&](const void* bytes, std::size_t size) {
    return batch.keep({static_cast<const char*>(bytes), bytes == nullptr ? 0
                                                        : cut            ? std::min(size, enough_to_recognise)
                                                                         : size});
  };
  record.key = text(message.key, message.key_len);
  record.value = text(message.payload, message.len);

  rd_kafka_headers_t* headers = nullptr;
  std::size_t count = 0;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
    count = rd_kafka_header_cnt(headers);
  const auto views = batch.make_headers(count + (cut ? 1 : 0));
  for (std::size_t i = 0; i < count; ++i) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    if (rd_kafka_header_get_all(headers, i, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    views[i] = {batch.keep(name), batch.keep({static_cast<const char*>(value), value == nullptr ? 0 : size})};
  }
  if (cut) views[count] = {cut_header, batch.keep(to_text(size_of(message)))};
  record.headers = views;
  batch.records.push_back(record);
}

Reader::~Reader() {
  for (auto& [key, place] : places_) stop(key.second, place);
  places_.clear();
  topics_.clear();
}

rd_kafka_topic_t* Reader::topic_of(const std::string& topic) {
  if (!handle_) {
    Properties own = {{"client.id", "drst"},
                      {"reconnect.backoff.max.ms", "1000"},
                      {"auto.offset.reset", "error"},
                      {"enable.partition.eof", "true"},
                      {"check.crcs", "true"},
                      {"fetch.wait.max.ms", "10"},
                      {"queued.max.messages.kbytes", "2048"}};
    own.merge(short_fetch_pauses());
    handle_ = make_handle(site_, RD_KAFKA_CONSUMER, make_conf(site_, own, notices_));
  }
  Topic& known = topics_[topic];
  if (!known) known.reset(rd_kafka_topic_new(handle_.get(), topic.c_str(), nullptr));
  if (!known)
    throw problem(site_, "reading topic '" + topic + "'", rd_kafka_last_error(),
                  rd_kafka_err2str(rd_kafka_last_error()));
  return known.get();
}

void Reader::start(const std::string& topic, int partition, Place& place, int64_t from) {
  stop(partition, place);
  place.topic = topic_of(topic);
  if (rd_kafka_consume_start(place.topic, partition, from) != 0)
    throw problem(site_, "reading topic '" + topic + "', partition " + to_text(partition),
                  rd_kafka_last_error(), rd_kafka_err2str(rd_kafka_last_error()));
  place.running = true;
  place.next = from;
}

void Reader::stop(int partition, Place& place) noexcept {
  place.held.reset();
  if (place.running) rd_kafka_consume_stop(place.topic, partition);
  place.running = false;
}

void Reader::read(const std::string& topic, int partition, int64_t from, Batch& batch,
                  const PollLimits& limits) {
  batch.storage().clear();
  const Watermarks marks = client_.watermarks(topic, partition);
  from = std::max(from, marks.begin);
  if (from >= marks.end || limits.max_records == 0) return;
  const std::lock_guard lock(mutex_);
  Place& place = places_[{topic, partition}];
  if (!place.running || place.next != from) start(topic, partition, place, from);
  try {
    fill(topic, partition, place, marks.end, batch, limits);
  } catch (...) {
    stop(partition, place);
    throw;
  }
  if (place.next >= marks.end) stop(partition, place);
}

void Reader::fill(const std::string& topic, int partition, Place& place, int64_t end, Batch& batch,
                  const PollLimits& limits) {
  const std::string what = "reading topic '" + topic + "', partition " + to_text(partition) +
                           " from offset " + to_text(place.next);
  auto& storage = batch.storage();
  std::size_t bytes = 0;
  auto last_progress = std::chrono::steady_clock::now();
  while (place.next < end && storage.records.size() < limits.max_records) {
    constexpr int slice_ms = 10;
    Message message =
        place.held ? std::move(place.held) : Message(rd_kafka_consume(place.topic, partition, slice_ms));
    rd_kafka_poll(handle_.get(), 0);
    if (!message) {
      throw_if_stopped();
      wake_fetcher(handle_.get(), topic, partition);
      if (std::chrono::steady_clock::now() - last_progress > site_.patience())
        throw problem(site_, what, RD_KAFKA_RESP_ERR__TIMED_OUT, notices_.reason());
      continue;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // What is left up to the end are marks of transactions, which are no records.
      if (message->offset >= end) place.next = std::max(place.next, message->offset);
      continue;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
        message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
      const auto begin = client_.watermarks(topic, partition, true).begin;
      if (begin > end) return;  // all of it was trimmed meanwhile
      start(topic, partition, place, std::max(begin, place.next));
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (is_passing(message->err)) continue;
      throw problem(site_, what, message->err, rd_kafka_message_errstr(message.get()));
    }
    last_progress = std::chrono::steady_clock::now();
    if (message->offset < place.next) continue;
    if (!storage.records.empty() && bytes + size_of(*message) > limits.max_bytes) {
      place.held = std::move(message);
      return;
    }
    bytes += size_of(*message);
    add_to_batch(storage, *message, site_.log.max_record_bytes);
    place.next = message->offset + 1;
  }
}

}  // namespace drst::kafka
