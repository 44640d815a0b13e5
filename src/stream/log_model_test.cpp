// Random sequences of operations on a log against a model that is obviously right: lists of values, and who
// may own what.
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "stream/log_test_bed.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using namespace drst::testing;

constexpr int partitions = 4;
constexpr std::size_t members = 3;
constexpr Duration lease = 10s;

struct Operation {
  int kind = 0;
  uint32_t a = 0;
  uint32_t b = 0;
};
void showValue(const Operation& op, std::ostream& out) {
  out << op.kind << '(' << op.a << ',' << op.b << ')';
}

rc::Gen<Operation> any_operation() {
  return rc::gen::build<Operation>(
      rc::gen::set(&Operation::kind,
                   rc::gen::weightedElement<int>(
                       {{6, 0}, {2, 1}, {8, 2}, {5, 3}, {1, 4}, {3, 5}, {1, 6}, {1, 7}, {1, 8}})),
      rc::gen::set(&Operation::a, rc::gen::inRange<uint32_t>(0, 1000)),
      rc::gen::set(&Operation::b, rc::gen::inRange<uint32_t>(0, 1000)));
}

struct ModelPartition {
  std::vector<std::string> values;  // all ever appended
  int64_t trimmed = 0;              // begin may have moved up to here
  std::optional<int64_t> committed;
  std::optional<std::size_t> owner;
};

struct ModelMember {
  std::unique_ptr<Consumer> consumer;
  Time lease_until{};
  std::array<int64_t, partitions> position{};
  std::array<bool, partitions> sought{};
};

class Machine {
 public:
  Machine(LogBed& bed, std::string topic) : bed_(bed), topic_(std::move(topic)), log_(open()) {
    log_->ensure_topic(topic_, partitions);
  }

  void run(const Operation& op) {
    const auto p = static_cast<std::size_t>(op.a % partitions);
    const std::size_t m = op.b % members;
    switch (op.kind) {
      case 0:
        append(p, op.b % 20, op.a);
        break;
      case 1:
        read(p, op.b % 40);
        break;
      case 2:
        poll(m, 1 + op.a % 10);
        break;
      case 3:
        commit(m, p);
        break;
      case 4:
        leave(m);
        break;
      case 5:
        bed_.clock.advance(std::chrono::seconds(op.a % 7));
        break;
      case 6:
        trim(p, op.b % 40);
        break;
      case 7:
        seek(m, p, op.b % 40);
        break;
      default:
        log_ = open();
        break;  // consumers keep what they need
    }
  }
  void finish() {
    for (std::size_t p = 0; p < partitions; ++p) {
      read(p, 0);
      RC_ASSERT(log_->committed("g", topic_, static_cast<int>(p)) == model_[p].committed);
    }
  }

 private:
  std::unique_ptr<Log> open() { return bed_.open({.block_bytes = 1024}); }

  void append(std::size_t p, std::size_t count, uint32_t salt) {
    std::vector<NewRecord> records;
    for (std::size_t i = 0; i < count; ++i)
      records.push_back(text_record(std::to_string(model_[p].values.size() + i) +
                                    std::string((salt * (i + 7)) % 400, 'x')));
    const auto first = log_->append(topic_, static_cast<int>(p), records);
    RC_ASSERT(first == static_cast<int64_t>(model_[p].values.size()));
    for (auto& record : records) model_[p].values.push_back(std::move(record.value));
  }

  void read(std::size_t p, int64_t from) {
    const auto marks = log_->watermarks(topic_, static_cast<int>(p));
    const auto& values = model_[p].values;
    RC_ASSERT(marks.end == static_cast<int64_t>(values.size()));
    RC_ASSERT(marks.begin <= model_[p].trimmed);
    const auto first = std::min(std::max(from, marks.begin), marks.end);
    RC_ASSERT(read_all(*log_, topic_, static_cast<int>(p), from) ==
              std::vector<std::string>(values.begin() + first, values.end()));
  }

  void poll(std::size_t m, std::size_t most) {
    ModelMember& member = members_[m];
    if (!member.consumer)
      member.consumer = log_->subscribe({.group = "g",
                                         .member = std::string(1, static_cast<char>('a' + m)),
                                         .topic = topic_,
                                         .lease = lease});
    Batch batch;
    member.consumer->poll(batch, {.max_records = most});
    const Time now = bed_.clock.now();
    for (const int number : member.consumer->revoked()) {
      auto& owner = model_[static_cast<std::size_t>(number)].owner;
      if (owner == m) owner.reset();
    }
    for (const int number : member.consumer->assigned()) {
      auto& part = model_[static_cast<std::size_t>(number)];
      if (part.owner)
        RC_ASSERT(members_[*part.owner].lease_until <= now);  // only a lapsed owner may be replaced
      part.owner = m;
      member.position[static_cast<std::size_t>(number)] = part.committed.value_or(0);
      member.sought[static_cast<std::size_t>(number)] = false;
    }
    member.lease_until = now + lease - lease / 3;  // polls renew it only when a third is gone
    Ints owned;
    for (std::size_t p = 0; p < partitions; ++p)
      if (model_[p].owner == m) owned.push_back(static_cast<int>(p));
    RC_ASSERT(member.consumer->assignment() == owned);
    RC_ASSERT(batch.records().size() <= most);
    for (const auto& record : batch.records()) {
      const auto number = static_cast<std::size_t>(record.partition);
      RC_ASSERT(model_[number].owner == m);
      auto& position = member.position[number];
      position =
          std::max(position, std::min(record.offset, model_[number].trimmed));  // trimmed ones are skipped
      RC_ASSERT(record.offset == position);
      RC_ASSERT(record.value == model_[number].values[static_cast<std::size_t>(position)]);
      ++position;
    }
  }

  void commit(std::size_t m, std::size_t p) {
    ModelMember& member = members_[m];
    if (!member.consumer) return;
    const int64_t next = std::min(member.position[p], static_cast<int64_t>(model_[p].values.size()));
    const bool done = member.consumer->commit(static_cast<int>(p), next);
    RC_ASSERT(done == (model_[p].owner == m));
    if (!done) return;
    if (!model_[p].committed || next > *model_[p].committed || member.sought[p]) model_[p].committed = next;
    member.sought[p] = false;
    RC_ASSERT(log_->committed("g", topic_, static_cast<int>(p)) == model_[p].committed);
  }

  void seek(std::size_t m, std::size_t p, int64_t to) {
    if (!members_[m].consumer || model_[p].owner != m) return;
    members_[m].consumer->seek(static_cast<int>(p), to);
    members_[m].position[p] = to;
    members_[m].sought[p] = true;
  }

  void leave(std::size_t m) {
    members_[m].consumer.reset();
    members_[m].lease_until = Time::min();
    for (auto& part : model_)
      if (part.owner == m) part.owner.reset();
  }

  void trim(std::size_t p, int64_t offset) {
    log_->trim(topic_, static_cast<int>(p), offset);
    model_[p].trimmed =
        std::max(model_[p].trimmed, std::min(offset, static_cast<int64_t>(model_[p].values.size())));
  }

  using Ints = std::vector<int>;
  LogBed& bed_;
  std::string topic_;
  std::unique_ptr<Log> log_;
  std::array<ModelPartition, partitions> model_;
  std::array<ModelMember, members> members_;
};

class LogModel : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(BackEnds, LogModel, ::testing::Values("memory", "embedded"),
                         [](const auto& instance) { return instance.param; });

TEST_P(LogModel, BehavesAsTheModel) {
  const auto bed = make_bed(GetParam());
  int cases = 0;
  EXPECT_TRUE(rc::check([&] {
    const auto operations = *rc::gen::container<std::vector<Operation>>(any_operation());
    Machine machine(*bed, "t" + std::to_string(++cases));
    for (const auto& operation : operations) machine.run(operation);
    machine.finish();
  }));
}

}  // namespace
}  // namespace drst
