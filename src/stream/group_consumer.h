// The Consumer of all back ends of ours: polling, fairness, positions and commits on top of a
// ConsumerSource.
//
// poll() looks into a snapshot; only if the group has changed, or the lease is a third gone, or somebody's
// has run out does it edit the group's state. So polling an unchanged group writes nothing.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "stream/group.h"
#include "stream/log.h"

namespace drst {

/// What a back end does for one consumer. Used by one thread at a time.
class ConsumerSource {
 public:
  struct View {
    uint64_t epoch = 0;          ///< of the group; 0: no state yet
    std::size_t partitions = 0;  ///< of the topic; 0: there is no such topic yet
  };
  virtual ~ConsumerSource() = default;

  /// Lets `change` work on the group's state while no one else does; keeps the result, durably, if it returns
  /// true. `operation` names the effect for a fault model.
  virtual void edit(std::string_view operation, const std::function<bool(GroupState&)>& change) = 0;
  /// Between begin() and end() all reads see one state of the log.
  virtual View begin() = 0;
  virtual void end() noexcept = 0;
  /// Inside begin()/end(): adds records from `from` on; returns the offset after the last one, `from` if
  /// there are none. With `one_at_least` the first is added however large it is.
  virtual int64_t fetch(int partition, int64_t from, Batch::Storage& batch, const PollLimits& limits,
                        bool one_at_least) = 0;
  /// Inside begin()/end() or edit().
  virtual Watermarks watermarks(int partition) = 0;
  [[nodiscard]] virtual HolderId self() const = 0;
  [[nodiscard]] virtual bool alive(const HolderId& holder) const = 0;
  /// The handle died with its simulated process: nothing may be written any more, not even a farewell.
  [[nodiscard]] virtual bool dead() const { return false; }
};

class GroupConsumer final : public Consumer {
 public:
  GroupConsumer(ConsumerOptions options, const Clock& clock, std::unique_ptr<ConsumerSource> source);
  ~GroupConsumer() override;

  void poll(Batch& batch, const PollLimits& limits) override;
  [[nodiscard]] const std::vector<int>& assignment() const override { return assignment_; }
  [[nodiscard]] const std::vector<int>& assigned() const override { return assigned_; }
  [[nodiscard]] const std::vector<int>& revoked() const override { return revoked_; }
  bool commit(int partition, int64_t next_offset) override;
  bool holds() override;
  void seek(int partition, int64_t offset) override;
  void close() override;

 private:
  struct Owned {
    int partition;
    uint64_t generation;
    int64_t position;
    bool may_go_back = false;  // after a seek a commit may lower the committed offset
  };

  /// What a turn in the group came to; taken over only when it is stored.
  struct Turn {
    uint64_t session = 0;
    bool fenced = false;
    bool anew = false;  ///< joined, or joined again after the lease was lost
    GroupState state{};
  };
  [[nodiscard]] Turn take_turn(GroupState& state, Time now) const;
  void refuse_if_taken(const GroupState& state, Time now) const;
  void adopt(const Turn& turn, Time now);
  void adopt_partitions(const GroupState& state);
  void drop_all();
  void fetch_fairly(Batch::Storage& batch, const PollLimits& limits);
  Owned* owned(int partition);
  [[nodiscard]] std::string where() const;

  ConsumerOptions options_;
  const Clock& clock_;
  std::unique_ptr<ConsumerSource> source_;
  enum class State { open, fenced, closed } state_ = State::open;
  uint64_t session_ = 0;  // 0: not joined yet
  uint64_t epoch_ = 0;
  std::size_t partitions_ = 0;
  Time next_turn_{};
  Time known_{};  // when the group was last seen to be as this member thinks it is
  std::vector<Owned> owned_;
  std::vector<Owned> before_;  // scratch of adopt_partitions()
  std::vector<int> assignment_;
  std::vector<int> assigned_;
  std::vector<int> revoked_;
  std::size_t first_ = 0;  // which owned partition is read first: it goes round
};

/// Throws a LogError unless the names are good and the lease is longer than nothing.
void check_consumer_options(const ConsumerOptions& options);

}  // namespace drst
