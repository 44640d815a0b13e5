#include "drift/error_watch.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stream/experts.h"
#include "stream/record.h"

namespace drst {

namespace {

/// min(e, 1); NaN: no prediction or no label.
double loss_of(const LabelledSample& sample, double epsilon) {
  const auto truth = static_cast<double>(sample.label);
  const auto said = static_cast<double>(sample.frozen);
  if (!std::isfinite(truth) || !std::isfinite(said)) return std::numeric_limits<double>::quiet_NaN();
  return std::min(1.0, std::abs(said - truth) / std::max(std::abs(truth), epsilon));
}

}  // namespace

ErrorWatch::ErrorWatch(Log& log, const std::string& topic, const std::optional<ErrorVoiceSettings>& settings,
                       double epsilon)
    : log_(log), topic_(memory_topic(topic)), epsilon_(epsilon) {
  if (settings) voice_.emplace(*settings);
}

std::optional<ErrorAlarm> ErrorWatch::look(std::string_view run_id, int64_t row, int64_t most_ahead) {
  if (!voice_) return std::nullopt;
  exists_ = exists_ || log_.partitions(topic_) > 0;
  if (!exists_) return std::nullopt;
  while (next_ < log_.watermarks(topic_, 0).end) {
    log_.read(topic_, 0, next_, batch_, {.max_records = 1024, .max_bytes = std::size_t{8} << 20});
    if (batch_.empty()) return std::nullopt;
    for (const auto& record : batch_.records()) {
      if (run_id.empty() || record.header(run_id_header) == run_id) {
        const auto sample = decode_labelled(record.value);
        const bool strange =
            !sample || sample->row < 0 || (sample->row > row && sample->row - row > most_ahead);
        if (!strange && sample->row > row) return std::nullopt;
        next_ = record.offset + 1;
        if (strange)
          ++unusable_;
        else if (auto alarm = voice_->push(loss_of(*sample, epsilon_), sample->row))
          return alarm;
      }
      next_ = record.offset + 1;
    }
  }
  return std::nullopt;
}

void ErrorWatch::save(StateWriter& out) const {
  out.number(next_);
  out.number<uint8_t>(voice_ ? 1 : 0);
  if (voice_) voice_->save(out);
}

void ErrorWatch::restore(StateReader& in) {
  next_ = in.number<int64_t>();
  if (next_ < 0) in.refuse("contradicts itself");
  if ((in.number<uint8_t>() != 0) != voice_.has_value())
    in.refuse("was made with another drift.error_budget_labels; use that, or remove it to start anew");
  if (voice_) voice_->restore(in);
}

}  // namespace drst
