// The error voice on the stream: losses of the frozen model, from the labelled rows that the judge publishes.
//
// The frozen model is listened to, not the live one: it never changes, so its usual loss stays one thing, and
// no refit hides that what the counters mean has changed. Its prediction was made before the label came, and
// is published with it (<topic>-memory, stream/experts.h), so the monitor needs no model. Rows are taken in
// the order in which their labels arrived, and none that the monitor itself has not reached. Silent where no
// labels come, or where the judge publishes none (neighbours.rows = 0). State can be saved. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "drift/error_voice.h"
#include "stream/log.h"

namespace drst {

class ErrorWatch {
 public:
  /// `epsilon`: the least denominator of a relative error (model.epsilon). Nullopt settings: it never speaks.
  ErrorWatch(Log& log, const std::string& topic, const std::optional<ErrorVoiceSettings>& settings,
             double epsilon);
  /// Takes what has arrived of rows up to `row`; returns at the first alarm, the rest waits for the next
  /// call. A row to come is waited for, unless it lies further ahead than `most_ahead`, the records that the
  /// topic still holds: nobody can have predicted that, and waiting for it would silence the voice for good.
  std::optional<ErrorAlarm> look(std::string_view run_id, int64_t row, int64_t most_ahead);
  [[nodiscard]] uint64_t unusable() const {
    return unusable_;
  }  ///< records that are no labelled rows of the stream

  void save(StateWriter& out) const;
  void restore(StateReader& in);

 private:
  Log& log_;
  std::string topic_;
  std::optional<ErrorVoice> voice_;
  double epsilon_;
  int64_t next_ = 0;
  uint64_t unusable_ = 0;
  bool exists_ = false;
  Batch batch_;
};

}  // namespace drst
