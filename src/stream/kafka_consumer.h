// A member of a Kafka consumer group, as a Consumer of stream/log.h. Inside of kafka_log.h. One thread at a
// time.
//
// The group is Kafka's own, so its tools show members, offsets and lag. How the contract is kept:
//  * The member's name is its group.instance.id (static membership): who restarts within its lease gets its
//    partitions back without a rebalance, and a newer holder of the name fences the older one, whose commits
//    and polls fail. Who closes says so to the group at once, so that heirs need not wait.
//  * The client id names host, process and its start. Who joins looks whether a live process of this
//    machine, or a process of another whose lease still runs, has the name, and is refused then; a dead
//    process of this machine is replaced at once. An exclusive member has the instance id of the group's
//    only member; so a second one can only be refused or, should both have looked at the same moment, fence
//    the first.
//  * A session and a poll interval of `lease`: a holder that hangs is replaced. On Kafka a holder that was
//    late has lost its partitions even where nobody took them: commit() says so, and the next polls get
//    them back. An only member takes its place back if it finds nobody there, and never asks to be let in
//    without looking: so it throws out no heir that came while it was late.
//  * Partitions are given up inside poll() and not before, when all that was polled before is committed.
//  * Offsets are committed by commit() alone, with the member's generation: one that was replaced cannot.
//    Where to begin is asked for at the assignment; an offset that retention has overtaken is a warning
//    that says which records are gone, and never a silent jump.
//  * Records are dealt fairly: they come from librdkafka's queue one by one, wait by partition, and are
//    handed out in equal shares. As long as a partition may have some that are not fetched yet, poll()
//    waits for it for a moment rather than run ahead with the others; a reader in stream order would have
//    to hold those.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "stream/kafka_client.h"
#include "stream/kafka_farewell.h"
#include "stream/kafka_growth.h"

namespace drst::kafka {

class GroupMember final : public Consumer {
 public:
  /// `core` keeps alive what the others are parts of.
  GroupMember(std::shared_ptr<void> core, Client& client, Growth& growth, Farewells& farewells,
              ConsumerOptions options);
  ~GroupMember() override;

  void poll(Batch& batch, const PollLimits& limits) override;
  [[nodiscard]] const std::vector<int>& assignment() const override { return assignment_; }
  [[nodiscard]] const std::vector<int>& assigned() const override { return assigned_; }
  [[nodiscard]] const std::vector<int>& revoked() const override { return revoked_; }
  bool commit(int partition, int64_t next_offset) override;
  std::vector<int> commit_each(std::span<const PartitionOffset> offsets) override;
  /// The coordinator answers for it by taking a commit of what is committed already. An exclusive member that
  /// lost its place, and has no heir, takes it back here, as in poll().
  bool holds() override;
  void seek(int partition, int64_t offset) override;
  void close() override;

 private:
  struct Part {
    Part() = default;
    Part(Part&&) = default;  // never copied, though a deque's move may throw
    Part& operator=(Part&&) = default;

    int number = 0;
    int64_t committed = -1;
    int64_t position = 0;  // of the next record to hand out
    bool at_end = false;   // all that there is has been fetched
    bool slow = false;     // was waited for in vain
    bool seeking = false;  // librdkafka must still be told
    bool beyond = false;   // the position lies behind the end: nothing to tell it yet
    bool may_go_back = false;
    std::deque<Message> waiting;
    std::size_t bytes = 0;
  };

  void enter();
  bool join();
  void refuse_if_taken();
  void refuse_if_raced() const;
  bool has_heir();
  bool take_back();
  Leaver detach();
  void await_membership();
  void fetch(const PollLimits& limits);
  bool take_next(int timeout_ms);
  void take(Message message);
  void settle(const Rebalance& event);
  void take_partitions(const rd_kafka_topic_partition_list_t& list);
  void give_up(const rd_kafka_topic_partition_list_t& list);
  void begin_at(Part& part, int64_t committed);
  bool is_next(const Part& part, int64_t expected, int64_t offset);
  void say_gone(int partition, int64_t from, int64_t to, std::string_view whom) const;
  void apply_seeks();
  std::vector<int> commit_as_holder(std::span<const PartitionOffset> offsets);
  void deal(Batch::Storage& batch, const PollLimits& limits);
  [[nodiscard]] bool all_have(std::size_t records) const;
  void wake_fetchers(std::chrono::steady_clock::time_point now);
  [[nodiscard]] bool must_wait() const;
  void throw_if_fenced();
  void become_fenced();
  void forget_part(Part& part);
  Part* part(int number);
  [[nodiscard]] std::string where() const;
  void come_back();

  std::shared_ptr<void> core_;
  Client& client_;
  Growth& growth_;
  Farewells& farewells_;
  ConsumerOptions options_;
  std::string instance_;
  std::string client_id_;
  int64_t number_ = 0;                      // of this process's members
  std::unique_ptr<MemberNotices> notices_;  // the handle's
  Handle handle_;
  Queue queue_;    // wakes those who wait
  Queue commits_;  // answers to commits
  enum class State { outside, joined, fenced, closed } state_ = State::outside;
  bool lost_ = false;  // the place of an only member, which is to be taken back
  bool cooperative_ = false;
  std::chrono::steady_clock::time_point joined_at_{};  // of its own accord, not to take its place back
  std::chrono::steady_clock::time_point known_;        // when the group was last known to be as it seems
  std::vector<Part> parts_;
  std::size_t bytes_ = 0;
  std::chrono::steady_clock::time_point next_waking_{};
  std::size_t first_ = 0;
  std::vector<int> assignment_, assigned_, revoked_;
};

}  // namespace drst::kafka
