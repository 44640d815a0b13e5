#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/text.h"
#include "learn/dataset.h"
#include "tuning/lines.h"
#include "tuning/retrainer_state.h"

namespace drst {

using namespace tuning;

void Retrainer::State::answer(const Trigger& trigger) {
  if (const auto known = publisher.known_answer(trigger.event)) {  // a crash before the done flag
    publisher.answer(*known, false);
    return;
  }
  const ScopedTimer timer(options.metrics, "retrainer", "answer");
  RetrainEvent event;
  event.id = trigger.event;
  event.row = row;
  event.tier = to_text(trigger.tier);
  if (const auto known = publisher.published().find(trigger.event); known != publisher.published().end()) {
    finish_published(event, known->second);  // a crash between release and answer
    return;
  }
  auto window = publisher.handover().window(trigger);
  if (!window) log::warning("retrainer: " + window.error().reason + "; the memory alone is used");
  const auto has_label = [](float label) { return std::isfinite(label); };
  const bool without_labels =
      memory.rows().empty() &&
      (!window || std::none_of(window->labels.begin(), window->labels.end(), has_label));
  if (without_labels) {
    event.reason = "no labels have arrived";
    publisher.answer(event, true);
    ++counts.answers;
    return;
  }
  follow_pointer();
  if (!line) {
    event.reason = "the baseline (" + std::string(baseline.model().family()) +
                   ") is made of neither networks nor trees of one ensemble, so nothing can be trained on";
    publisher.answer(event, false);
    ++counts.answers;
    return;
  }
  Answer found = line->answer({&memory,
                               window ? std::move(*window) : DriftWindow{},
                               &offline,
                               options.target,
                               trigger.tier,
                               {},
                               options.epsilon,
                               options.target_floor_share,
                               seed_of(trigger.event)});
  event.candidates = found.candidates;
  event.labels = found.labels;
  event.val_rmse = found.val_rmse;
  event.live_val_rmse = found.live_val_rmse;
  event.val_loss = found.val_loss;
  event.live_val_loss = found.live_val_loss;
  event.baseline_val_loss = found.baseline_val_loss;
  event.reason = found.reason;
  event.wall_ms = timer.runtime_ms();
  defer([this, event, found = std::move(found)] { conclude(event, found); });
}

void Retrainer::State::conclude(RetrainEvent event, const Answer& found) {
  ReleaseInfo info = release_info("retrain", event.id);
  info.metrics["row"] = static_cast<double>(event.row);
  info.labels = event.labels;
  info.gain_over_baseline = found.baseline_val_loss - found.val_loss;
  info.gain_over_live = found.live_val_loss - found.val_loss;
  info.settings["winner"] = found.winner;
  info.settings["tier"] = event.tier;
  info.metrics["validation.bounded"] = found.val_loss;
  info.metrics["validation.rmse"] = found.val_rmse;
  info.metrics["validation.live_bounded"] = found.live_val_loss;
  info.metrics["validation.live_rmse"] = found.live_val_rmse;
  info.metrics["validation.baseline_bounded"] = found.baseline_val_loss;
  info.metrics["candidates"] = static_cast<double>(event.candidates);
  ++counts.answers;
  if (found.better && !publisher.consumers_would_take(info)) {
    event.reason = "the gain over the baseline is within registry.gain_margin: " + event.reason;
  } else if (found.better) {
    info.family = found.model->family();
    info.data_sha256 = data_digest(memory.dataset(found.model->inputs(), 0, memory.rows().size()));
    event.published = true;
    event.release = propose(*found.model, info, line_answer).model_key;
    ++counts.published_answers;
  }
  publisher.answer(event, false);
}

void Retrainer::State::finish_published(RetrainEvent event, const ReleaseInfo& info) {
  const auto figure = [&info](const char* name) {
    const auto found = info.metrics.find(name);
    return found == info.metrics.end() ? 0.0 : found->second;
  };
  if (auto served = publisher.load(info)) (void)propose(*served->model, info, line_answer);
  event.row = static_cast<int64_t>(figure("row"));
  event.candidates = static_cast<int64_t>(figure("candidates"));
  event.labels = info.labels;
  event.val_loss = figure("validation.bounded");
  event.val_rmse = figure("validation.rmse");
  event.live_val_loss = figure("validation.live_bounded");
  event.live_val_rmse = figure("validation.live_rmse");
  event.baseline_val_loss = figure("validation.baseline_bounded");
  event.published = true;
  event.release = info.model_key;
  event.reason = "completed after a restart";
  publisher.answer(event, false);
  ++counts.answers;
}

}  // namespace drst
