#include "stream/kafka_consumer.h"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>

#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "stream/batch.h"
#include "stream/kafka_reader.h"

namespace drst::kafka {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

/// The partition is somebody else's now, or may be.
bool means_lost(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__STATE:
      return true;
    default:
      return false;
  }
}

/// Of the answer to a commit: which partitions are lost, and the error of the others.
rd_kafka_resp_err_t worst_of(rd_kafka_event_t& answer, std::vector<int>& lost) {
  lost.clear();
  auto code = RD_KAFKA_RESP_ERR_NO_ERROR;
  const auto* list = rd_kafka_event_topic_partition_list(&answer);
  for (int i = 0; list != nullptr && i < list->cnt; ++i) {
    const auto& one = list->elems[i];
    // The group is not at rest: that of all.
    if (one.err == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS) return one.err;
    if (means_lost(one.err))
      lost.push_back(one.partition);
    else if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      code = one.err;
  }
  return code;
}

}  // namespace

GroupMember::~GroupMember() {
  try {
    close();
  } catch (const std::exception& error) {
    log::warning(where() + ": could not leave the group: " + error.what());
  }
}

std::string GroupMember::where() const {
  return "member '" + options_.member + "' of group '" + options_.group + "' on topic '" + options_.topic +
         "'";
}

GroupMember::Part* GroupMember::part(int number) {
  const auto at = std::ranges::find(parts_, number, &Part::number);
  return at == parts_.end() ? nullptr : &*at;
}

void GroupMember::forget_part(Part& part) {
  bytes_ -= part.bytes;
  part.bytes = 0;
  part.waiting.clear();
  part.at_end = false;
}

void GroupMember::poll(Batch& batch, const PollLimits& limits) {
  auto& storage = batch.storage();
  storage.clear();
  assigned_.clear();
  revoked_.clear();
  if (state_ == State::closed)
    throw LogError(ExitCode::failed, where() + " has left the group; subscribe again");
  if (state_ == State::fenced) come_back();
  if (state_ == State::outside && !join()) return;
  apply_seeks();
  fetch(limits);
  if (lost_) take_back();
  if (state_ == State::joined && rd_kafka_assignment_lost(handle_.get()) == 0) known_ = Steady::now();
  deal(storage, limits);
}

/// Takes from librdkafka what it has, as far as it is needed, and joins in rebalances.
void GroupMember::fetch(const PollLimits& limits) {
  const auto most_bytes = static_cast<std::size_t>(client_.site().settings.fetch_queue_mib * 1024 * 1024);
  constexpr auto longest_wait = milliseconds(1000);  // once, until the partition gives something again
  constexpr int slice_ms = 5;
  std::optional<Steady::time_point> deadline;
  for (;;) {
    const bool news = take_next(deadline ? slice_ms : 0);
    if (state_ == State::fenced || lost_) return;
    if (bytes_ >= most_bytes) return;
    if (news) {
      if (all_have(limits.max_records)) return;
      continue;
    }
    const auto now = Steady::now();
    wake_fetchers(now);
    if (!must_wait()) return;
    if (!deadline) deadline = now + longest_wait;
    if (now < *deadline) continue;
    for (Part& part : parts_) part.slow = part.slow || (part.waiting.empty() && !part.at_end);
    return;
  }
}

/// Those of partitions that have more than was fetched; not each time, since they may be on their way.
void GroupMember::wake_fetchers(Steady::time_point now) {
  constexpr auto between = milliseconds(10);
  if (now < next_waking_) return;
  for (const Part& part : parts_) {
    if (part.at_end || !part.waiting.empty() || part.beyond) continue;
    next_waking_ = now + between;
    wake_fetcher(handle_.get(), options_.topic, part.number);
  }
}

/// Each partition its share of so many records, or all that there is of it.
bool GroupMember::all_have(std::size_t records) const {
  const std::size_t share = parts_.empty() ? 0 : (records + parts_.size() - 1) / parts_.size();
  return !parts_.empty() && std::ranges::all_of(parts_, [&](const Part& part) {
    return part.waiting.size() >= share || part.at_end || part.slow;
  });
}

/// Some partition has records and of another it is not known yet.
bool GroupMember::must_wait() const {
  return std::ranges::any_of(parts_, [](const Part& part) { return !part.waiting.empty(); }) &&
         std::ranges::any_of(parts_, [](const Part& part) {
           return part.waiting.empty() && !part.at_end && !part.slow && !part.seeking && !part.beyond;
         });
}

/// One message or event; false if there is none within the time.
bool GroupMember::take_next(int timeout_ms) {
  Message message(rd_kafka_consumer_poll(handle_.get(), timeout_ms));
  const auto rebalance = std::move(notices_->rebalance);
  if (rebalance) settle(*rebalance);
  if (!message) return rebalance != nullptr;
  take(std::move(message));
  return true;
}

void GroupMember::take(Message message) {
  Part* part = message->rkt == nullptr ? nullptr : this->part(message->partition);
  switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: {
      if (part == nullptr || part->seeking || part->beyond) return;
      const int64_t next = part->waiting.empty() ? part->position : part->waiting.back()->offset + 1;
      if (message->offset != next && !is_next(*part, next, message->offset)) return;
      part->at_end = part->slow = false;
      const std::size_t size = message->len + message->key_len + 1;
      part->bytes += size;
      bytes_ += size;
      part->waiting.push_back(std::move(message));
      return;
    }
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      if (part != nullptr && !part->seeking) part->at_end = true;
      return;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
      log::warning(where() + " was not polled within its lease and has lost its partitions");
      return;
    default:
      break;
  }
  throw_if_fenced();
  if (state_ == State::fenced) return;
  if (is_passing(message->err) || means_lost(message->err)) {
    notices_->note(message->err, rd_kafka_message_errstr(message.get()));
    return;
  }
  throw problem(client_.site(), where(), message->err, rd_kafka_message_errstr(message.get()));
}

/// Offsets need not be consecutive (compaction, marks of transactions), but who jumps must know why.
bool GroupMember::is_next(const Part& part, int64_t expected, int64_t offset) {
  const Watermarks marks = client_.watermarks(options_.topic, part.number, true);
  if (offset > expected) {
    if (expected < marks.begin) say_gone(part.number, expected, offset, "this reader");
    return true;
  }
  if (expected <= marks.end) return false;  // from before a seek
  log::warning("topic '" + options_.topic + "', partition " + to_text(part.number) + " ended at offset " +
               to_text(expected) + " and ends at " + to_text(marks.end) +
               " now: it was made anew or has lost records; reading goes on at " + to_text(offset));
  return true;
}

void GroupMember::say_gone(int partition, int64_t from, int64_t to, std::string_view whom) const {
  log::warning("topic '" + options_.topic + "', partition " + to_text(partition) + ": records " +
               to_text(from) + " to " + to_text(to - 1) + " went by retention before " + std::string(whom) +
               " of group '" + options_.group + "' reached them: " + to_text(to - from) +
               " are lost to it; keep records longer (retention.ms, retention.bytes)");
}

/// Fenced: everything is lost now, and the next poll throws.
void GroupMember::throw_if_fenced() {
  std::array<char, 512> words{};
  const auto code = rd_kafka_fatal_error(handle_.get(), words.data(), words.size());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  if (code != RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
    throw problem(client_.site(), where(), code, words.data());
  become_fenced();
}

void GroupMember::become_fenced() {
  for (Part& part : parts_) revoked_.push_back(part.number);
  parts_.clear();
  assignment_.clear();
  bytes_ = 0;
  state_ = State::fenced;
}

/// Brokers also fence a member for what it asked by its former id, when it has joined again after an outage.
/// One that finds nobody in its place joins anew; an only one leaves that to a new life (run_lives), since
/// its owner may know less by now than is committed.
void GroupMember::come_back() {
  if (!options_.exclusive && !has_heir()) {
    detach();
    enter();
    return;
  }
  refuse_if_raced();
  throw LeaseLost(
      where() + " has lost its place: it was not heard of for longer than its lease, or a newer " +
      (options_.exclusive ? "process has taken it"
                          : "process of the same name has taken it (give each member its own name)"));
}

/// Begins where the offset says, as far as that is still there.
void GroupMember::begin_at(Part& part, int64_t committed) {
  const Watermarks marks = client_.watermarks(options_.topic, part.number, true);
  const std::string place = "topic '" + options_.topic + "', partition " + to_text(part.number);
  part.position = committed;
  part.beyond = false;
  if (committed < 0) {
    part.position = marks.begin;
    if (marks.begin > 0)
      log::warning(
          place + ": group '" + options_.group +
          "' has no offset there (a new group, or it has expired: offsets.retention.minutes), and what "
          "was before offset " +
          to_text(marks.begin) + " is gone by retention; reading begins there");
  } else if (committed < marks.begin) {
    say_gone(part.number, committed, marks.begin, "the offset");
    part.position = marks.begin;
  } else if (committed > marks.end) {
    log::warning(place + ": the offset " + to_text(committed) + " of group '" + options_.group +
                 "' lies behind the end, " + to_text(marks.end) +
                 ": the topic was made anew or has lost records; reading begins at " + to_text(marks.begin));
    part.position = marks.begin;
    part.may_go_back = true;
  }
}

void GroupMember::apply_seeks() {
  for (Part& part : parts_) {
    if (part.beyond) {
      if (client_.watermarks(options_.topic, part.number).end < part.position) continue;
      part.beyond = false;
      part.seeking = true;
    }
    if (!part.seeking) continue;
    const auto list = one_partition(options_.topic, part.number, part.position);
    constexpr int timeout_ms = 1000;
    const Failure failure(rd_kafka_seek_partitions(handle_.get(), list.get(), timeout_ms));
    // One that was assigned just now may not be ready for it: at the next poll then.
    part.seeking = failure || list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!part.seeking) part.at_end = part.slow = false;
  }
}

/// Each partition gets an equal share of the batch; what some do not use goes to the others in a second
/// round.
void GroupMember::deal(Batch::Storage& batch, const PollLimits& limits) {
  const std::size_t count = parts_.size();
  if (count == 0) return;
  first_ = (first_ + 1) % count;
  std::size_t bytes_left = limits.max_bytes;
  for (std::size_t turn = 0; turn < 2 * count; ++turn) {
    const std::size_t records_left = limits.max_records - std::min(limits.max_records, batch.records.size());
    const std::size_t sharers = turn < count ? count - turn : 1;
    std::size_t share = (records_left + sharers - 1) / sharers;
    const std::size_t byte_share = bytes_left / sharers;
    std::size_t taken = 0;
    Part& part = parts_[(first_ + turn) % count];
    for (; share > 0 && !part.waiting.empty(); --share) {
      const rd_kafka_message_t& message = *part.waiting.front();
      const std::size_t size = message.len + message.key_len;
      if (taken + size > byte_share && !batch.records.empty()) break;
      taken += size;
      add_to_batch(batch, message, client_.site().log.max_record_bytes);
      part.position = message.offset + 1;
      part.bytes -= size + 1;
      bytes_ -= size + 1;
      part.waiting.pop_front();
    }
    bytes_left -= std::min(bytes_left, taken);
  }
}

bool GroupMember::commit(int partition, int64_t next_offset) {
  const PartitionOffset offset{partition, next_offset};
  return commit_each(std::span(&offset, 1)).empty();
}

std::vector<int> GroupMember::commit_each(std::span<const PartitionOffset> offsets) {
  std::vector<int> lost;
  std::vector<PartitionOffset> news;
  for (const auto& [partition, next_offset] : offsets) {
    Part* part = this->part(partition);
    if (part == nullptr || state_ != State::joined) {
      lost.push_back(partition);
      continue;
    }
    if (next_offset < 0 ||
        (next_offset > part->position && next_offset > client_.watermarks(options_.topic, partition).end))
      throw LogError(ExitCode::input, where() + ": cannot commit offset " + to_text(next_offset) +
                                          " of partition " + to_text(partition) + ", which ends before");
    if (rd_kafka_assignment_lost(handle_.get()) != 0)
      lost.push_back(partition);
    else if (next_offset > part->committed || (next_offset < part->committed && part->may_go_back))
      news.push_back({partition, next_offset});
  }
  if (news.empty()) return lost;
  const auto refused = commit_as_holder(news);
  lost.insert(lost.end(), refused.begin(), refused.end());
  for (const auto& [partition, next_offset] : news) {
    Part* part = this->part(partition);
    if (part == nullptr || std::ranges::find(refused, partition) != refused.end()) continue;
    part->committed = next_offset;
    part->may_go_back = false;
  }
  return lost;
}

bool GroupMember::holds() {
  if (state_ != State::joined || parts_.empty()) return false;
  const auto regained = [this] { return options_.exclusive && take_back(); };
  if (rd_kafka_assignment_lost(handle_.get()) != 0) return regained();
  if (Steady::now() - known_ < options_.lease / 3) return true;
  Part& part = parts_.front();
  const int64_t offset =
      part.committed >= 0 ? part.committed : client_.watermarks(options_.topic, part.number).begin;
  const PartitionOffset same{part.number, offset};
  if (!commit_as_holder(std::span(&same, 1)).empty()) return regained();
  part.committed = offset;
  known_ = Steady::now();
  return true;
}

/// The answer: partitions of which the coordinator says that they are no longer this member's.
std::vector<int> GroupMember::commit_as_holder(std::span<const PartitionOffset> offsets) {
  std::string what = "committing";
  for (const auto& [partition, offset] : offsets)
    what += " offset " + to_text(offset) + " of partition " + to_text(partition) + ",";
  what += " by " + where();
  std::vector<int> lost;
  const auto restless_until = Steady::now() + options_.lease;
  insist(client_.site(), *notices_, what, client_.site().patience(), [&](int) {
    const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
    for (const auto& [partition, offset] : offsets)
      rd_kafka_topic_partition_list_add(list.get(), options_.topic.c_str(), partition)->offset = offset;
    auto code = rd_kafka_commit_queue(handle_.get(), list.get(), commits_.get(), nullptr, nullptr);
    Event event;
    constexpr int slice_ms = 200;
    constexpr auto grace = std::chrono::seconds(2);  // a broker that is there has answered by then
    const auto begin = Steady::now();
    while (code == RD_KAFKA_RESP_ERR_NO_ERROR && !event) {
      event.reset(rd_kafka_queue_poll(commits_.get(), slice_ms));
      if (!event && Steady::now() - begin > grace) throw_if_stopped();
    }
    if (event) code = rd_kafka_event_error(event.get());
    if (event && code == RD_KAFKA_RESP_ERR_NO_ERROR) code = worst_of(*event, lost);
    // A sticky member keeps its partitions while a group that it has joined again comes to rest.
    if (code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS && Steady::now() < restless_until)
      return RD_KAFKA_RESP_ERR__RETRY;
    if (!means_lost(code)) return code;
    lost.clear();
    for (const auto& [partition, offset] : offsets) lost.push_back(partition);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  });
  return lost;
}

void GroupMember::seek(int partition, int64_t offset) {
  Part* part = this->part(partition);
  if (part == nullptr || offset < 0)
    throw LogError(ExitCode::input, where() + ": cannot seek to offset " + to_text(offset) +
                                        " of partition " + to_text(partition) +
                                        (part == nullptr ? ", which it does not own" : ""));
  part->may_go_back = true;
  if (offset == part->position && !part->beyond) return;
  part->position = offset;
  forget_part(*part);
  part->seeking = false;
  part->beyond = true;  // until it is known not to be
}

}  // namespace drst::kafka
