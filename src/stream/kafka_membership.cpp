// How a GroupMember comes into its group, takes part in its rebalances and leaves it.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "stream/group_consumer.h"
#include "stream/kafka_consumer.h"
#include "stream/process.h"

namespace drst::kafka {

namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr std::string_view only_member = "drst-only";

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  std::string clean;
  for (const char c : std::string_view(name.data()))
    clean += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' ? c : '_';
  return clean;
}

/// The members of this process that have not closed: a process may be alive and its member gone.
class Living {
 public:
  int64_t add() {
    const std::lock_guard lock(mutex_);
    living_.insert(++last_);
    return last_;
  }
  void remove(int64_t number) {
    const std::lock_guard lock(mutex_);
    living_.erase(number);
  }
  bool has(int64_t number) {
    const std::lock_guard lock(mutex_);
    return living_.contains(number);
  }

 private:
  std::mutex mutex_;
  std::set<int64_t> living_;
  int64_t last_ = 0;
};
Living& living() {
  static Living members;
  return members;
}

/// Who runs a member: "drst-<member>@<host>:<process>:<its start>:<which of its members>".
std::string make_client_id(const std::string& member, int64_t number) {
  const HolderId self = this_process();
  return "drst-" + member + "@" + host_name() + ":" + to_text(self.id) + ":" + to_text(self.start) + ":" +
         to_text(number);
}

struct Holder {
  std::string member;
  std::string host;  // "": not one of ours
  HolderId process;
  int64_t number = 0;

  [[nodiscard]] bool alive_here() const {
    const HolderId self = this_process();
    if (process.id == self.id && process.start == self.start) return living().has(number);
    return process_alive(process);
  }
};
Holder holder_of(std::string_view client_id) {
  Holder holder;
  constexpr std::string_view begin = "drst-";
  const auto at = client_id.rfind('@');
  if (!client_id.starts_with(begin) || at == std::string_view::npos) return holder;
  std::string_view rest = client_id.substr(at + 1);
  std::array<int64_t, 3> numbers{};
  for (std::size_t i = numbers.size(); i-- > 0;) {
    const auto colon = rest.rfind(':');
    const auto number = colon == std::string_view::npos ? std::nullopt : parse_int(rest.substr(colon + 1));
    if (!number) return holder;
    numbers[i] = *number;
    rest = rest.substr(0, colon);
  }
  holder.member = client_id.substr(begin.size(), at - begin.size());
  holder.host = rest;
  holder.process = {static_cast<uint64_t>(numbers[0]), static_cast<uint64_t>(numbers[1])};
  holder.number = numbers[2];
  return holder;
}

}  // namespace

GroupMember::GroupMember(std::shared_ptr<void> core, Client& client, Growth& growth, Farewells& farewells,
                         ConsumerOptions options)
    : core_(std::move(core)),
      client_(client),
      growth_(growth),
      farewells_(farewells),
      options_(std::move(options)) {
  check_consumer_options(options_);
  instance_ = options_.exclusive ? std::string(only_member) : options_.member;
  number_ = living().add();
  client_id_ = make_client_id(options_.member, number_);
}

/// With a handle of its own. An only member is in when this returns.
void GroupMember::enter() {
  const Site& site = client_.site();
  const auto lease_ms =
      std::max<int64_t>(std::chrono::duration_cast<milliseconds>(options_.lease).count(), 1);
  // A member hears of a rebalance with its next heartbeat: rarer ones would let a group in which somebody
  // joins or leaves every few seconds never come to rest.
  constexpr int64_t most_silence_ms = 500;
  const auto queue_kib = std::max<int64_t>(static_cast<int64_t>(site.settings.fetch_queue_mib * 1024), 1);
  Properties own = {{"client.id", client_id_},
                    {"group.id", options_.group},
                    {"group.instance.id", instance_},
                    {"session.timeout.ms", to_text(lease_ms)},
                    {"max.poll.interval.ms", to_text(lease_ms)},
                    {"heartbeat.interval.ms", to_text(std::clamp<int64_t>(lease_ms / 6, 1, most_silence_ms))},
                    {"partition.assignment.strategy", site.settings.assignment},
                    {"enable.auto.commit", "false"},
                    {"enable.auto.offset.store", "false"},
                    {"auto.offset.reset", "earliest"},
                    {"enable.partition.eof", "true"},
                    {"check.crcs", "true"},
                    {"reconnect.backoff.max.ms", "1000"},
                    {"fetch.wait.max.ms", "100"},
                    {"queued.max.messages.kbytes", to_text(queue_kib)}};
  own.merge(short_fetch_pauses());
  farewells_.drop(options_.group, instance_);
  notices_ = std::make_unique<MemberNotices>();
  auto conf = make_conf(site, own, *notices_);
  rd_kafka_conf_set_rebalance_cb(conf.get(), MemberNotices::on_rebalance);
  handle_ = make_handle(site, RD_KAFKA_CONSUMER, std::move(conf));
  rd_kafka_poll_set_consumer(handle_.get());
  commits_.reset(rd_kafka_queue_new(handle_.get()));
  queue_.reset(rd_kafka_queue_get_consumer(handle_.get()));
  rd_kafka_queue_cb_event_enable(
      queue_.get(), [](rd_kafka_t*, void* growth) { static_cast<Growth*>(growth)->raise(); }, &growth_);
  const auto topics = one_partition(options_.topic, RD_KAFKA_PARTITION_UA);
  if (const auto code = rd_kafka_subscribe(handle_.get(), topics.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw problem(client_.site(), where(), code, rd_kafka_err2str(code));
  state_ = State::joined;
  if (options_.exclusive) await_membership();
}

/// False: there is no topic yet.
bool GroupMember::join() {
  if (client_.partitions(options_.topic) == 0) return false;
  joined_at_ = Steady::now();
  refuse_if_taken();
  enter();
  return true;
}

void GroupMember::refuse_if_taken() {
  std::vector<GroupMemberInfo> members;
  try {
    members = client_.members(options_.group);
  } catch (const LogError& error) {
    if (options_.exclusive) throw;  // it would throw out whoever is there
    log::warning(where() + " cannot see who else is in the group: " + error.what());
    return;
  }
  const std::string host = host_name();
  for (const auto& other : members) {
    const Holder holder = holder_of(other.client_id);
    if (holder.host == host && !holder.alive_here()) continue;  // dead: its name is free
    const std::string who = holder.host.empty()
                                ? "client '" + other.client_id + "' at " + other.host
                                : "process " + to_text(holder.process.id) + " on " + holder.host;
    const bool other_is_only = other.instance_id == only_member;
    if (!options_.exclusive && !other_is_only && other.instance_id == instance_)
      throw PlaceTaken(
          where() + ": " + who +
          " is already in the group under this name; stop it or choose another name (a killed one "
          "is forgotten when its lease runs out)");
    if (options_.exclusive || other_is_only)
      throw PlaceTaken(where() + " cannot join: '" +
                       (holder.member.empty() ? other.client_id : holder.member) + "' (" + who +
                       (options_.exclusive ? ") is already in the group, and this member must be the only one"
                                           : ") is already in the group as its only member") +
                       "; stop it first (a killed one is forgotten when its lease runs out)");
  }
}

/// Of two that are started at one moment each may find the group empty, and the later one throws out the
/// earlier. Who loses its place before a lease has passed has lost it so, and not by silence.
void GroupMember::refuse_if_raced() const {
  if (!options_.exclusive || Steady::now() - joined_at_ >= options_.lease) return;
  throw PlaceTaken(where() +
                   " cannot join: another process came at the same moment and is in the group now, and this "
                   "member must be the only one; stop it first");
}

/// Whether anybody else is in this member's place who lives, or whose lease has not run out.
bool GroupMember::has_heir() {
  const std::string host = host_name();
  const HolderId self = this_process();
  return std::ranges::any_of(client_.members(options_.group), [&](const GroupMemberInfo& other) {
    if (!options_.exclusive && other.instance_id != instance_) return false;
    const Holder holder = holder_of(other.client_id);
    if (holder.host != host) return true;
    const bool itself =
        holder.process.id == self.id && holder.process.start == self.start && holder.number == number_;
    return !itself && holder.alive_here();
  });
}

/// After an outage longer than the lease, or a step that took as long, the only member has lost its place
/// though nobody took it. It takes it back, unless there is an heir or has been one, and reads on where it
/// was. False: it is lost, and the next poll says so.
bool GroupMember::take_back() {
  lost_ = false;
  if (parts_.empty() || has_heir()) {
    become_fenced();
    return false;
  }
  struct Place {
    int number;
    int64_t committed, position;
  };
  std::vector<Place> places;
  for (const Part& part : parts_) places.push_back({part.number, part.committed, part.position});
  const auto assigned = std::exchange(assigned_, {});
  const auto revoked = std::exchange(revoked_, {});
  detach();  // and without a farewell: it comes back under its name
  enter();
  const bool same = std::ranges::equal(parts_, places, [](const Part& part, const Place& place) {
    return part.number == place.number && part.committed == place.committed;
  });
  assigned_ = assigned;
  revoked_ = revoked;
  if (!same) {
    become_fenced();
    return false;
  }
  for (const Place& place : places) seek(place.number, place.position);
  known_ = Steady::now();
  log::warning(
      where() +
      " had lost its place: it was not heard of for longer than its lease. Nobody has taken it, so it "
      "goes on");
  return true;
}

/// The handle and what it needs, with nothing of this member left in it.
Leaver GroupMember::detach() {
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  parts_.clear();
  bytes_ = 0;
  assignment_.clear();
  queue_.reset();
  commits_.reset();
  Leaver leaver;
  leaver.where = where();
  leaver.group = options_.group;
  leaver.instance = instance_;
  leaver.topic = options_.topic;
  leaver.lease = std::chrono::duration_cast<milliseconds>(options_.lease);
  leaver.sticky = client_.site().settings.assignment == "cooperative-sticky";
  leaver.notices = std::move(notices_);
  leaver.handle = std::move(handle_);
  return leaver;
}

/// Until the group has taken this member in, so that whoever looks from now on sees it.
void GroupMember::await_membership() {
  const auto deadline = Steady::now() + options_.lease + std::chrono::seconds(5);
  constexpr int slice_ms = 50;
  while (assigned_.empty() && state_ == State::joined && Steady::now() < deadline) {
    throw_if_stopped();
    take_next(slice_ms);
  }
}

void GroupMember::settle(const Rebalance& event) {
  cooperative_ = is_cooperative(handle_.get());
  if (!event.assign) {
    // librdkafka joins again once it has an answer, asking nobody: it would throw out the heir of an only
    // member, also one that comes just then. So it gets none; poll() takes the place back, or does not.
    lost_ = options_.exclusive && rd_kafka_assignment_lost(handle_.get()) != 0;
    if (!lost_) give_up(*event.partitions);
    return;
  }
  try {
    take_partitions(*event.partitions);
  } catch (const Error&) {  // a stop, too; librdkafka leaves no group before it has its answer
    answer(handle_.get(), true, *event.partitions);
    throw_if_fenced();
    if (state_ != State::fenced) throw;
  }
}

void GroupMember::take_partitions(const rd_kafka_topic_partition_list_t& list) {
  const PartitionList places(rd_kafka_topic_partition_list_copy(&list));
  insist(client_.site(), *notices_, "asking for the offsets of " + where(), client_.site().patience(),
         [&](int timeout_ms) {
           const auto code = rd_kafka_committed(handle_.get(), places.get(), timeout_ms);
           if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
           for (int i = 0; i < places->cnt; ++i)
             if (places->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return places->elems[i].err;
           return RD_KAFKA_RESP_ERR_NO_ERROR;
         });
  for (int i = 0; i < places->cnt; ++i) {
    auto& entry = places->elems[i];
    Part part;
    part.number = entry.partition;
    part.committed = entry.offset >= 0 ? entry.offset : -1;
    begin_at(part, part.committed);
    entry.offset = part.position;
    const auto at = std::ranges::lower_bound(parts_, part.number, {}, &Part::number);
    parts_.insert(at, std::move(part));
    assigned_.push_back(entry.partition);
  }
  if (cooperative_) {
    const Failure failure(rd_kafka_incremental_assign(handle_.get(), places.get()));
    if (failure) throw LogError(ExitCode::failed, where() + ": " + rd_kafka_error_string(failure.get()));
  } else if (const auto code = rd_kafka_assign(handle_.get(), places.get());
             code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    throw problem(client_.site(), where(), code, rd_kafka_err2str(code));
  }
  std::ranges::sort(assigned_);
  assignment_.clear();
  for (const Part& part : parts_) assignment_.push_back(part.number);
}

void GroupMember::give_up(const rd_kafka_topic_partition_list_t& list) {
  for (int i = 0; i < list.cnt; ++i) {
    const int number = list.elems[i].partition;
    const auto at = std::ranges::find(parts_, number, &Part::number);
    if (at == parts_.end()) continue;
    forget_part(*at);
    parts_.erase(at);
    if (std::erase(assigned_, number) == 0) revoked_.push_back(number);
  }
  assignment_.clear();
  for (const Part& part : parts_) assignment_.push_back(part.number);
  answer(handle_.get(), false, list);
}

void GroupMember::close() {
  if (state_ == State::closed) return;
  const bool inside = state_ == State::joined;
  state_ = State::closed;
  living().remove(number_);
  if (!handle_) return;
  Leaver leaver = detach();
  if (inside) farewells_.say(std::move(leaver));
}

}  // namespace drst::kafka
