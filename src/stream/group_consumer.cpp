#include "stream/group_consumer.h"

#include <algorithm>
#include <exception>

#include "base/log.h"
#include "base/text.h"
#include "stream/batch.h"
#include "stream/checks.h"

namespace drst {

namespace {

/// One state of the log for as long as it lives.
class Snapshot {
 public:
  explicit Snapshot(ConsumerSource& source) : source_(source), view_(source.begin()) {}
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() { source_.end(); }
  [[nodiscard]] const ConsumerSource::View& view() const { return view_; }

 private:
  ConsumerSource& source_;
  ConsumerSource::View view_;
};

}  // namespace

void check_consumer_options(const ConsumerOptions& options) {
  check_log_name("group", options.group);
  check_log_name("member", options.member);
  check_log_name("topic", options.topic);
  if (options.lease <= Duration::zero())
    throw LogError(ExitCode::input, "group '" + options.group + "': the lease must be longer than 0");
}

GroupConsumer::GroupConsumer(ConsumerOptions options, const Clock& clock,
                             std::unique_ptr<ConsumerSource> source)
    : options_(std::move(options)), clock_(clock), source_(std::move(source)) {
  check_consumer_options(options_);
}

GroupConsumer::~GroupConsumer() {
  try {
    close();
  } catch (const std::exception& error) {
    // The lease will run out by itself; a destructor has nobody to tell but the person who reads the
    // messages.
    log::warning(where() + ": could not leave the group: " + error.what());
  } catch (...) {  // the simulated end of this process: no farewell
    state_ = State::closed;
  }
}

std::string GroupConsumer::where() const {
  return "member '" + options_.member + "' of group '" + options_.group + "' on topic '" + options_.topic +
         "'";
}

void GroupConsumer::poll(Batch& batch, const PollLimits& limits) {
  auto& storage = batch.storage();
  storage.clear();
  assigned_.clear();
  revoked_.clear();
  if (state_ == State::closed)
    throw LogError(ExitCode::failed, where() + " has left the group; subscribe again");
  if (state_ == State::fenced)
    throw LeaseLost(
        where() +
        " was replaced by a newer process of the same name while its lease had run out (give each "
        "member its own name)");
  const Time now = clock_.now();
  bool my_turn = session_ == 0 || now >= next_turn_;
  if (!my_turn) {
    const Snapshot snapshot(*source_);
    my_turn = snapshot.view().epoch != epoch_ || snapshot.view().partitions != partitions_;
    if (!my_turn) {
      known_ = now;
      fetch_fairly(storage, limits);
      return;
    }
  }
  Turn turn;
  source_->edit("log.poll", [&](GroupState& state) {
    turn = take_turn(state, now);  // may be called again if the log had to grow, so it changes nothing here
    return !turn.fenced;
  });
  adopt(turn, now);
  if (owned_.empty()) return;
  const Snapshot snapshot(*source_);
  for (auto& part : owned_)
    if (part.position < 0) part.position = source_->watermarks(part.partition).begin;
  fetch_fairly(storage, limits);
}

/// Renews or joins, then settles who owns what.
GroupConsumer::Turn GroupConsumer::take_turn(GroupState& state, Time now) const {
  Turn turn{.session = session_};
  GroupMember* me = state.find(options_.member);
  if (session_ != 0 && me != nullptr && me->session != session_) {
    turn.fenced = true;
    return turn;
  }
  if (me == nullptr || session_ == 0) {
    refuse_if_taken(state, now);
    turn.anew = true;
    me = &state.join(options_.member);
    me->exclusive = options_.exclusive;
    me->holder = source_->self();
    turn.session = me->session;
  }
  me->expires = now + options_.lease;
  state.remove_expired(now, options_.member);
  state.settle(turn.session);
  turn.state = state;
  return turn;
}

void GroupConsumer::adopt(const Turn& turn, Time now) {
  if (turn.fenced) state_ = State::fenced;
  if (turn.fenced || turn.anew) drop_all();
  if (turn.fenced) return;
  session_ = turn.session;
  known_ = now;
  epoch_ = turn.state.epoch;
  partitions_ = turn.state.partitions.size();
  next_turn_ = now + options_.lease / 3;
  for (const auto& member : turn.state.members)
    if (member.session != session_) next_turn_ = std::min(next_turn_, member.expires);
  adopt_partitions(turn.state);
}

void GroupConsumer::refuse_if_taken(const GroupState& state, Time now) const {
  const auto live = [&](const GroupMember& member) { return member.expires > now; };
  for (const auto& member : state.members) {
    if (!live(member)) continue;
    if (member.name == options_.member) {
      if (source_->alive(member.holder))
        throw PlaceTaken(where() + ": process " + to_text(member.holder.id) +
                         " is already in the group under this name; stop it or choose another name");
    } else if (options_.exclusive || member.exclusive) {
      throw PlaceTaken(where() + " cannot join: '" + member.name +
                       (options_.exclusive ? "' is in the group, and this member must be the only one"
                                           : "' is in the group as its only member") +
                       "; stop it first (a killed one is forgotten when its lease runs out, " +
                       to_iso8601(member.expires) + ")");
    }
  }
}

/// Makes the owned partitions those of `state`, and says what changed.
void GroupConsumer::adopt_partitions(const GroupState& state) {
  before_.swap(owned_);
  owned_.clear();
  for (std::size_t p = 0; p < state.partitions.size(); ++p) {
    const auto& partition = state.partitions[p];
    if (partition.owner != session_) continue;
    const int number = static_cast<int>(p);
    const auto old = std::ranges::find(before_, number, &Owned::partition);
    if (old != before_.end() && old->generation == partition.generation) {
      owned_.push_back(*old);
      old->partition = -1;
    } else {
      owned_.push_back({number, partition.generation, partition.committed});
      assigned_.push_back(number);
    }
  }
  for (const auto& old : before_)
    if (old.partition >= 0) revoked_.push_back(old.partition);
  before_.clear();
  assignment_.clear();
  for (const auto& part : owned_) assignment_.push_back(part.partition);
}

void GroupConsumer::drop_all() {
  for (const auto& part : owned_) revoked_.push_back(part.partition);
  owned_.clear();
  assignment_.clear();
}

/// Each partition gets an equal share of the batch; what some do not use goes to the others in a second
/// round.
void GroupConsumer::fetch_fairly(Batch::Storage& batch, const PollLimits& limits) {
  const std::size_t count = owned_.size();
  if (count == 0 || limits.max_records == 0) return;
  first_ = (first_ + 1) % count;
  std::size_t bytes_left = limits.max_bytes;
  for (std::size_t turn = 0; turn < 2 * count; ++turn) {
    const std::size_t records_left = limits.max_records - std::min(limits.max_records, batch.records.size());
    if (records_left == 0) return;
    const std::size_t sharers = turn < count ? count - turn : 1;
    auto& part = owned_[(first_ + turn) % count];
    const std::size_t had = batch.records.size();
    const PollLimits share{(records_left + sharers - 1) / sharers, bytes_left / sharers};
    part.position = source_->fetch(part.partition, part.position, batch, share, had == 0);
    for (std::size_t i = had; i < batch.records.size(); ++i)
      bytes_left -= std::min(bytes_left, batch.records[i].key.size() + batch.records[i].value.size());
  }
}

GroupConsumer::Owned* GroupConsumer::owned(int partition) {
  const auto at = std::ranges::find(owned_, partition, &Owned::partition);
  return at == owned_.end() ? nullptr : &*at;
}

bool GroupConsumer::commit(int partition, int64_t next_offset) {
  Owned* part = owned(partition);
  if (part == nullptr || state_ != State::open) return false;
  bool held = false;
  source_->edit("log.commit", [&](GroupState& state) {
    auto& stored = state.partitions[static_cast<std::size_t>(partition)];
    held = stored.owner == session_ && stored.generation == part->generation;
    if (!held) return false;
    if (const auto end = source_->watermarks(partition).end; next_offset < 0 || next_offset > end)
      throw LogError(ExitCode::input, where() + ": cannot commit offset " + to_text(next_offset) +
                                          " of partition " + to_text(partition) + ", which ends at " +
                                          to_text(end));
    if (next_offset == stored.committed || (next_offset < stored.committed && !part->may_go_back))
      return false;
    stored.committed = next_offset;
    return true;
  });
  if (held) {
    part->may_go_back = false;
  } else {
    next_turn_ = Time::min();  // find out at the next poll what became of it
  }
  return held;
}

bool GroupConsumer::holds() {
  if (state_ != State::open || owned_.empty()) return false;
  const Time now = clock_.now();
  if (now < known_ + options_.lease / 3) return true;
  bool held = true;
  source_->edit("log.holds", [&](GroupState& state) {
    held = std::ranges::all_of(owned_, [&](const Owned& part) {
      const auto& stored = state.partitions[static_cast<std::size_t>(part.partition)];
      return stored.owner == session_ && stored.generation == part.generation;
    });
    return false;
  });
  if (held)
    known_ = now;
  else
    next_turn_ = Time::min();  // find out at the next poll what became of it
  return held;
}

void GroupConsumer::seek(int partition, int64_t offset) {
  Owned* part = owned(partition);
  if (part == nullptr || offset < 0)
    throw LogError(ExitCode::input, where() + ": cannot seek to offset " + to_text(offset) +
                                        " of partition " + to_text(partition) +
                                        (part == nullptr ? ", which it does not own" : ""));
  part->position = offset;
  part->may_go_back = true;
}

void GroupConsumer::close() {
  if (state_ == State::closed) return;
  const bool in_group = state_ == State::open && session_ != 0;
  state_ = State::closed;
  owned_.clear();
  assignment_.clear();
  if (!in_group || source_->dead()) return;
  source_->edit("log.leave", [&](GroupState& state) {
    if (!state.has_session(session_)) return false;
    state.leave(session_);
    return true;
  });
}

}  // namespace drst
