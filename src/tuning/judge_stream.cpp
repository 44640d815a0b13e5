#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "learn/dataset.h"
#include "stream/record.h"
#include "tuning/judge_state.h"
#include "tuning/refit.h"

namespace drst {

using namespace tuning;

namespace {

/// Items read in a step, so that a step stays bounded while the log is long.
constexpr int items_a_step = 64;

}  // namespace

bool Judge::State::read() {
  bool any = false;
  for (int i = 0; i < items_a_step; ++i) {
    auto item = reader.next();
    if (!item) break;
    if (reader.run_id() != known_run) find_earlier_life();
    if (!any && settings.restart_on_drift) alarms.look(reader.run_id());
    any = true;
    admit_proposals();
    if (item->kind == JoinedReader::Item::Kind::label) {
      if (item->label) take_label(item->id, *item->label);
    } else {
      take_sample(*item);
    }
  }
  if (reader.heard()) patience.renew();
  return any;
}

void Judge::State::take_sample(const JoinedReader::Item& item) {
  if (!item.blank) ++counts.samples;
  row = item.row >= 0 ? item.row : row + 1;
  if (first_row < 0) first_row = row;
  if (alarms.meet(row)) {
    shares.restart();
    ++counts.restarts;
    changed = true;
  }
  if (item.blank) return;  // consumers made no prediction of it, either
  begin_trial();
  std::vector<float> values;
  values.reserve(item.values.size());
  for (const double value : item.values) values.push_back(to_cell(value));
  Prophecy prophecy;
  prophecy.row = row;
  prophecy.last_label = last_label;
  prophecy.frozen = frozen;
  prophecy.live = live;
  prophecy.lines = lines;
  const auto ask = [&](const ContestantPtr& who) {
    if (!who || std::any_of(prophecy.predictions.begin(), prophecy.predictions.end(),
                            [&](const auto& said) { return said.first == who; }))
      return;
    prophecy.predictions.emplace_back(who, who->predictor.predict(values, reader.columns()));
  };
  ask(frozen);
  ask(live);
  for (const auto& line : lines) ask(line);
  if (trial) ask(trial->challenger);
  for (const auto& watch : watches) ask(watch.former);
  prophecy.raw = frozen->predictor.inputs_of(values, reader.columns());
  prophecy.by_neighbours = neighbours->predict(row, prophecy.raw, prophecy.of(frozen));
  const std::string id = item.id.empty() ? "row-" + to_text(row) : item.id;
  prophecies.add(id, std::move(prophecy));
  if (item.label) take_label(id, *item.label);
  take_early_label(id);
}

void Judge::State::take_label(const std::string& id, double label) {
  const auto truth = static_cast<float>(label);
  if (!std::isfinite(truth)) return;
  Prophecy prophecy;
  switch (prophecies.take(id, prophecy)) {
    case Prophecies::Outcome::unknown:
      if (!keep_for_replay(id, truth)) ++counts.unmatched_labels;
      return;
    case Prophecies::Outcome::duplicate:
      ++counts.duplicate_labels;
      return;
    case Prophecies::Outcome::met:
      break;
  }
  ++counts.labels;
  weigh(prophecy, truth);
  last_label = truth;
  changed = true;
  remember(std::move(prophecy.raw), prophecy, truth);
  collect_evidence(prophecy, truth);
  if (!repeat_judgements()) judge();
}

double Judge::State::loss(float prediction, float truth) const {
  if (std::isnan(prediction)) return std::numeric_limits<double>::quiet_NaN();
  return bounded_error(prediction, truth, options.epsilon);
}

void Judge::State::weigh(const Prophecy& prophecy, float truth) {
  std::vector<double> losses = {loss(prophecy.of(prophecy.frozen), truth),
                                loss(prophecy.of(prophecy.live), truth)};
  for (const auto& line : prophecy.lines) losses.push_back(loss(prophecy.of(line), truth));
  losses.push_back(loss(prophecy.by_neighbours, truth));
  if (settings.last_label)
    losses.push_back(loss(prophecy.last_label.value_or(std::numeric_limits<float>::quiet_NaN()), truth));
  for (double& of_one : losses)  // NaN stays NaN
    of_one = of_one > settings.whole_error ? 1 : of_one / settings.whole_error;
  shares.update(losses);
}

void Judge::State::remember(std::vector<float> raw, const Prophecy& prophecy, float truth) {
  if (!neighbours->usable()) return;
  const float said = prophecy.of(prophecy.frozen);
  neighbours->add(prophecy.row, raw, said, truth);
  if (rows_known_to_others > 0) {  // an earlier life published it
    --rows_known_to_others;
    return;
  }
  remembered.push_back(
      make_record(LabelledSample{prophecy.row, truth, said, std::move(raw)}, reader.run_id(), clock.now()));
}

}  // namespace drst
