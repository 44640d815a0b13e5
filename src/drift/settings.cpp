#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "drift/detector.h"

namespace drst {

void describe(SettingsVisitor& v, DriftSettings& s) {
  v.visit("window", s.window,
          {"rows", "records in baseline and sliding window; long enough to hold several experiments of ~45 s",
           20, 100'000});
  v.visit("stride", s.stride,
          {"rows",
           "the signal is judged each so many records; an update costs well under a microsecond, so only the "
           "number of looks (and of false alarms) argues for more",
           1, 100'000});
  v.visit("recent", s.recent,
          {"rows",
           "further windows compared with the same baseline, each a divisor or a multiple of window: a third "
           "of it fills with a new stage three times sooner, three times it averages over more experiments "
           "and sees a slow change that the others take for chance"});
  v.visit(
      "bins", s.bins,
      {"1",
       "quantile bins a feature, besides underflow, overflow and missing: ~19 baseline records a bin at 300",
       2, 256});
  auto& c = s.calibration;
  v.visit("block_rows", c.block_rows,
          {"rows",
           "mean block of the bootstrap; samples of one experiment resemble each other for about half of it",
           1, 10'000});
  v.visit(
      "bootstrap_rounds", c.bootstrap_rounds,
      {"1",
       "resampled pairs of windows a calibration; enough for a 0.99 quantile, beyond it the tail is fitted",
       50, 100'000});
  v.visit("rule", c.rule,
          {"",
           "thresholds follow from a budget of false alarms, or are quantiles of the bootstrapped signal",
           0,
           0,
           {"budget", "quantile"}});
  v.visit("quantiles", c.quantiles, {"1", "rule = quantile: for tiers A, B, C", 0, 1});
  v.visit("tail_from", c.tail_from,
          {"1",
           "exceedance at which the bootstrapped quantiles hand over to an exponential tail: 40 of 400 "
           "rounds lie beyond 0.1, enough to fit it",
           0.001, 1});
  v.visit("budget_hours", c.budget_hours,
          {"h",
           "rule = budget: expected hours of stream between false alarms of the detector as a whole, for "
           "tiers A, B, C; a day, a week, a month",
           0.001, 1e6});
  v.visit("row_s", c.row_s, {"s", "time from record to record, for budget_hours", 1e-6, 1e6});
  v.visit("null_rows", c.null_rows,
          {"rows",
           "rule = budget: pseudo-records that the detector is run over at a calibration, 2.3 days; takes "
           "some 0.2 s, and longer runs are extrapolated",
           1000, 1e9});
  v.visit("least_effect", c.least_effect,
          {"bits",
           "no threshold of tiers A, B, C is lower for the whole window and longer ones, unless a history of "
           "the regime says so: 300 records alone do not know how much experiments differ. Windows of one "
           "stage differ by up to 0.20 bit from its first 300 records, those of another stage by 0.45 and "
           "more; A is the geometric middle",
           0, 1});
  v.visit("recent_least_effect", c.recent_least_effect,
          {"bits",
           "the same for the shorter windows: 100 records of one stage differ by up to 0.31 bit, of another "
           "by 0.43 and more",
           0, 1});
  v.visit("most_effect", c.most_effect,
          {"bits",
           "no threshold of tiers A, B, C is higher, however restless the baseline: each tier must be able "
           "to fire",
           0, 1});
  v.visit("split_bins", s.split_bins,
          {"1",
           "quantile bins a feature when a stretch is searched for a change; coarser than bins since its "
           "parts are shorter",
           2, 256});
  v.visit("split_least", s.split_least,
          {"rows", "least records on either side of a split; fewer give a noisy histogram", 1, 10'000});
  v.visit("split_effect", s.split_effect,
          {"bits",
           "a young baseline whose best split separates so much holds two regimes: sweeps inside one stage "
           "reach 0.30, a change of stage in the middle third 0.38 and more",
           0.01, 1});
  v.visit("cool_down", s.cool_down,
          {"rows",
           "no alarm before so many records after the last one's change: one full window, since a sweep of "
           "traffic "
           "(179 s) seen in part looks like a change",
           0, 1e6});
  v.visit("vanished_rows", s.vanished_rows,
          {"rows",
           "a column of the baseline that is missing for so many records is gone, and one that the baseline "
           "lacked is new when it has been there for so many; a multiplexed counter of the public tables is "
           "missing for one at most. Longer if the baseline had gaps: three times the longest",
           1, 100'000});
  v.visit("vanished_share", s.vanished_share,
          {"1",
           "share of the baseline's columns that must be gone or new for an alarm: a VNF of five is a fifth, "
           "one counter is not worth a retraining",
           0.0001, 1});
  v.visit("vnfs", s.vnfs,
          {"",
           "names of VNFs, for the account of what drifted: a column <vnf>_<event> is its VNF's; none: found "
           "from the columns' names"});
  v.visit(
      "error_reference", s.error_reference,
      {"1",
       "the error voice takes the frozen model's usual loss from so many blocks of labels: the bound lies "
       "0.09 above their mean with 100, 0.46 with 20",
       2, 1e6});
  v.visit("error_block", s.error_block,
          {"1",
           "labels averaged into one loss; more than 1 where neighbours err alike for long, at the cost of "
           "so many times the labels before it listens",
           1, 1e5});
  v.visit("error_risk", s.error_risk,
          {"1", "probability that the usual loss is above the bound taken from those blocks", 1e-9, 0.5});
  v.visit("error_budget_labels", s.error_budget_labels,
          {"1",
           "labels between false alarms of the error voice, on average, at least; a day of seconds. 0: it is "
           "not listened to",
           0, 1e12});
  v.visit(
      "max_columns", s.max_columns,
      {"1",
       "columns watched at most; further names are ignored, so that a hostile stream cannot take all memory",
       1, 8192});
  v.visit("first_record_timeout_s", s.first_record_timeout_s,
          {"s",
           "the monitor fails if nothing came for so long after its start; 0: it waits for ever. Long enough "
           "for a person to start the other commands, and an end for scripts whose stream never comes",
           0, 1e9});
  v.visit("idle_timeout_s", s.idle_timeout_s,
          {"s",
           "once records have come, the monitor leaves when none came for so long, and goes on when it is "
           "started again; 0: it never leaves",
           0, 1e9});
  v.visit("lock_expiry_s", s.lock_expiry_s,
          {"s",
           "a retrain lock older than this is stale: the longest retrain takes seconds, a dead retrainer "
           "must not blind the monitor for long",
           1, 1e6});
  v.visit("save_every", s.save_every,
          {"rows",
           "the monitor's state is saved each so many records, and at each alarm; a restart repeats at most "
           "so many",
           1, 1e6});
  v.visit("publish_every_s", s.publish_every_s,
          {"s", "results/drift_signal.json is written at most this often, for dashboards", 0, 86400});
  v.visit(
      "top_features", s.top_features,
      {"1", "columns that an alarm names, those that changed most; a table of more helps nobody", 0, 1e4});
  v.visit("history_points", s.history_points,
          {"1", "evaluations kept for the report; when full, every second one is dropped", 16, 1e6});
}

void check(const DriftSettings& s) {
  for (const int64_t recent : s.recent)
    if (recent < 1 || recent == s.window || (s.window % recent != 0 && recent % s.window != 0) ||
        recent > 100 * s.window)
      throw InputError("drift.recent: " + to_text(recent) +
                       " neither divides nor multiplies drift.window = " + to_text(s.window) +
                       "; choose for example a third of it, or three times it");
  const auto rising = [](const std::vector<double>& values, const std::string& key, double low, double high) {
    if (values.size() != 3 || !std::is_sorted(values.begin(), values.end()) || values.front() < low ||
        values.back() > high)
      throw InputError("drift." + key + " must be three rising values (tiers A, B, C) from " + to_text(low) +
                       " to " + to_text(high));
  };
  const auto& c = s.calibration;
  rising(c.quantiles, "quantiles", 0, 1);
  rising(c.budget_hours, "budget_hours", 0.001, 1e6);
  rising(c.least_effect, "least_effect", 0, 1);
  rising(c.recent_least_effect, "recent_least_effect", 0, 1);
  rising(c.most_effect, "most_effect", 0, 1);
  if (c.quantiles.back() >= 1)
    throw InputError("drift.quantiles must be below 1: a signal above every possible one never comes");
  if (std::min(c.least_effect.front(), c.recent_least_effect.front()) <= 0)
    throw InputError(
        "drift.least_effect and recent_least_effect must be above 0: no change at all is no drift");
  for (std::size_t tier = 0; tier < 3; ++tier)
    if (std::max(c.least_effect[tier], c.recent_least_effect[tier]) > c.most_effect[tier])
      throw InputError("drift.least_effect or recent_least_effect is above drift.most_effect");
  if (s.vanished_rows > s.window) throw InputError("drift.vanished_rows must not exceed drift.window");
  if (s.split_least * 2 > s.window)
    throw InputError("drift.split_least must be at most half of drift.window");
}

}  // namespace drst
