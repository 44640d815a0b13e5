#include "ingest/run_place.h"

#include <utility>

namespace drst {

namespace {
constexpr auto lease = std::chrono::seconds(30);
}

RunPlace::RunPlace(Log& log, const Clock& clock, std::string topic, int partitions, std::string run_id)
    : log_(log),
      clock_(clock),
      topic_(std::move(topic)),
      partitions_(partitions),
      run_id_(std::move(run_id)) {}

void RunPlace::keep() {
  const Time now = clock_.now();
  if (!member_) {
    log_.ensure_topic(topic_, partitions_);
    member_ = log_.subscribe({.group = "drst-producer-" + run_id_,
                              .member = "producer",
                              .topic = topic_,
                              .lease = lease,
                              .exclusive = true});
    next_poll_ = now;
  }
  if (now < next_poll_) return;
  try {
    member_->poll(unused_, {.max_records = 1});
    if (!member_->revoked().empty())  // there is an heir, and the next poll says so
      member_->poll(unused_, {.max_records = 1});
  } catch (const LeaseLost&) {
    member_.reset();
    throw;
  } catch (const PlaceTaken& error) {
    member_.reset();
    throw PlaceTaken("run '" + run_id_ + "' has a producer already; wait for its end, or choose another " +
                     "--run-id (" + error.what() + ")");
  }
  next_poll_ = now + lease / 3;
}

void RunPlace::leave() { member_.reset(); }

}  // namespace drst
