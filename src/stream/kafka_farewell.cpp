#include "stream/kafka_farewell.h"

#include <algorithm>
#include <array>
#include <future>
#include <string_view>
#include <thread>
#include <utility>

#include "base/log.h"

namespace drst::kafka {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

bool is_in(rd_kafka_t* handle) {
  char* id = rd_kafka_memberid(handle);
  const bool in = id != nullptr && *id != '\0';
  if (id != nullptr) rd_kafka_mem_free(handle, id);
  return in;
}

/// Replaced by another of its name: nobody waits for it.
bool is_replaced(rd_kafka_t* handle) {
  std::array<char, 256> words{};
  return rd_kafka_fatal_error(handle, words.data(), words.size()) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/// What it is dealt is given up again by the farewell; until it has answered librdkafka does nothing.
void serve(const Leaver& leaver) {
  constexpr int slice_ms = 5;
  const Message unwanted(rd_kafka_consumer_poll(leaver.handle.get(), slice_ms));
  if (const auto rebalance = std::move(leaver.notices->rebalance))
    answer(leaver.handle.get(), rebalance->assign, *rebalance->partitions);
}

/// Of a member that is in.
void unsubscribe(const Leaver& leaver) {
  constexpr auto patience = milliseconds(2000);
  const auto deadline = Steady::now() + patience;
  rd_kafka_unsubscribe(leaver.handle.get());
  while (is_in(leaver.handle.get()) && Steady::now() < deadline) serve(leaver);
  // librdkafka takes a farewell for said when it is queued, and throws it away with the handle if it has not
  // been sent by then. A question behind it, on the same connection, is answered after it was heard.
  constexpr int answer_ms = 500;
  const auto question = one_partition(leaver.topic, 0);
  (void)rd_kafka_committed(leaver.handle.get(), question.get(), answer_ms);
}

void leave_once_in(const Leaver& leaver, const std::stop_token& stop) {
  const auto deadline = Steady::now() + leaver.lease;  // then it is forgotten anyway
  while (!is_in(leaver.handle.get())) {
    if (is_replaced(leaver.handle.get())) return;
    if (stop.stop_requested() || Steady::now() > deadline) {
      log::debug(leaver.where +
                 " left before it was let in and could not say so; the group may wait for it "
                 "until its lease has run out");
      return;
    }
    serve(leaver);
  }
  unsubscribe(leaver);
}

}  // namespace

namespace {

/// Where a topic is deleted while its offsets are committed, librdkafka may wait in its destruction for ever:
/// such a handle, too, stays until the process ends.
void destroy_in_time(Handle handle, std::unique_ptr<MemberNotices> notices) {
  auto gone = std::make_shared<std::promise<void>>();
  auto end = gone->get_future();
  std::thread([gone, spent = handle.release(), told = std::move(notices)] {
    rd_kafka_destroy_flags(spent, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    gone->set_value();
  }).detach();
  constexpr auto patience = std::chrono::seconds(2);
  if (end.wait_for(patience) == std::future_status::timeout)
    log::warning("a member of a Kafka group does not end; it is left behind until this process ends");
}

}  // namespace

void MemberNotices::on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* list,
                                 void* opaque) {
  auto& notices = *static_cast<MemberNotices*>(static_cast<Notices*>(opaque));
  notices.dealt = notices.dealt || code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  notices.rebalance = std::make_unique<Rebalance>(Rebalance{
      code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS, PartitionList(rd_kafka_topic_partition_list_copy(list))});
}

bool is_cooperative(rd_kafka_t* handle) {
  const char* protocol = rd_kafka_rebalance_protocol(handle);
  return protocol != nullptr && std::string_view(protocol) == "COOPERATIVE";
}

void answer(rd_kafka_t* handle, bool assign, const rd_kafka_topic_partition_list_t& list) {
  if (is_cooperative(handle)) {
    const Failure failure(assign ? rd_kafka_incremental_assign(handle, &list)
                                 : rd_kafka_incremental_unassign(handle, &list));
  } else {
    rd_kafka_assign(handle, assign ? &list : nullptr);
  }
}

Leaver::~Leaver() {
  if (!handle) return;
  // Before 2.3 librdkafka fails an assertion of its own where a sticky member goes that has never been dealt
  // anything (its issue 4312). Such a handle stays until the process ends.
  constexpr int mended_in = 0x020300ff;
  if (sticky && !notices->dealt && rd_kafka_version() < mended_in) {
    rd_kafka_unsubscribe(handle.get());
    (void)handle.release();
    (void)notices.release();
    return;
  }
  destroy_in_time(std::move(handle), std::move(notices));
}

void Farewells::say(Leaver leaver) {
  if (is_in(leaver.handle.get())) return unsubscribe(leaver);
  const std::lock_guard lock(mutex_);
  pending_.remove_if([](const Pending& pending) { return pending.over; });
  Pending& mine = pending_.emplace_back();
  mine.group = leaver.group;
  mine.instance = leaver.instance;
  mine.thread = std::jthread([this, &mine, leaving = std::make_unique<Leaver>(std::move(leaver))](
                                 const std::stop_token& stop) mutable {
    leave_once_in(*leaving, stop);
    leaving.reset();
    const std::lock_guard until_noted(mutex_);
    mine.over = true;
  });
}

void Farewells::drop(const std::string& group, const std::string& instance) {
  std::list<Pending> dropped;  // joined at the end of this, without the mutex
  const std::lock_guard lock(mutex_);
  for (auto at = pending_.begin(); at != pending_.end();) {
    const auto next = std::next(at);
    if (at->group == group && at->instance == instance) {
      at->thread.request_stop();
      dropped.splice(dropped.end(), pending_, at);
    }
    at = next;
  }
}

Farewells::~Farewells() {
  constexpr auto patience = milliseconds(2500);
  constexpr auto slice = milliseconds(20);
  const auto all_said = [this] {
    const std::lock_guard lock(mutex_);
    return std::ranges::all_of(pending_, [](const Pending& pending) { return pending.over; });
  };
  for (const auto deadline = Steady::now() + patience; !all_said() && Steady::now() < deadline;)
    std::this_thread::sleep_for(slice);
  for (auto& pending : pending_) pending.thread.request_stop();
}

}  // namespace drst::kafka
