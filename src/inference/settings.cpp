#include "inference/settings.h"

namespace drst {

void describe(SettingsVisitor& visitor, InferenceSettings& settings) {
  visitor.visit(
      "batch", settings.batch,
      {"records",
       "Most records predicted and committed together; a larger batch shares the cost of a durable append, a "
       "smaller one answers sooner. Predictions do not depend on it.",
       1, 65'536});
  visitor.visit("max_missing_fraction", settings.max_missing_fraction,
                {"1",
                 "A record lacking more than this share of the models' current-sample inputs goes to the "
                 "dead letters: a "
                 "prediction from mostly imputed inputs would be a guess dressed as a measurement.",
                 0, 1});
  visitor.visit("first_record_timeout_s", settings.first_record_timeout_s,
                {"s",
                 "A consumer fails if its models or a first record did not come for so long after its start; "
                 "0: it waits "
                 "for ever. Long enough for a person to start the other commands, and an end for scripts.",
                 0, 1e9});
  visitor.visit(
      "idle_timeout_s", settings.idle_timeout_s,
      {"s",
       "Once records have come, a consumer leaves when nothing came to the topic for so long; 0: it never "
       "does.",
       0, 1e9});
  visitor.visit(
      "lease_s", settings.lease_s,
      {"s",
       "A consumer that has not polled for so long loses its partitions to the others; longer than any step, "
       "shorter than anybody wants to wait for an heir.",
       0.1, 3600});
  visitor.visit("poll_interval_s", settings.poll_interval_s,
                {"s", "How often the guard reads the release pointer; the delay of a hot swap.", 0, 3600});
  visitor.visit("judge_silence_s", settings.judge_silence_s,
                {"s",
                 "A judge that has said nothing for so long (it speaks each judge.heartbeat_s) is taken for "
                 "dead, and the "
                 "frozen model predicts until it is back: weights that nobody moves would outlive the world "
                 "they were made "
                 "for. 0: never.",
                 0, 1e9});
  visitor.visit(
      "dedupe_window", settings.dedupe_window,
      {"rows",
       "So far back a repeated id is recognised in a partition, also after a hand-over; a restarted producer "
       "repeats far fewer. One bit a row.",
       64, 1 << 26});
  visitor.visit(
      "report_records", settings.report_records,
      {"records", "Accuracy, error quantiles, throughput and delay are reported once in so many records.", 1,
       1e9});
}

}  // namespace drst
