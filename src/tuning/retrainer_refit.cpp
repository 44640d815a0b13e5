#include <algorithm>

#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "learn/dataset.h"
#include "tuning/lines.h"
#include "tuning/refit.h"
#include "tuning/retrainer_state.h"
#include "tuning/track.h"

namespace drst {

using namespace tuning;

bool Retrainer::State::newest_labels_are_near() const {
  const auto newest = static_cast<std::size_t>(line->every_labels());
  const auto& rows = memory.rows();
  if (settings.refit_span_rows == 0 || rows.empty()) return true;
  const auto& oldest = rows[rows.size() - std::min(newest, rows.size())];
  return row - oldest.row <= settings.refit_span_rows;
}

void Retrainer::State::refit_if_due() {
  if (!line || line->every_labels() == 0) return;
  if (memory.labels_seen() - labels_at_refit < static_cast<uint64_t>(line->every_labels())) return;
  labels_at_refit = memory.labels_seen();
  if (!newest_labels_are_near()) return;
  const ScopedTimer timer(options.metrics, "retrainer", "refit");
  follow_pointer();
  const std::string trigger = "refit-" + reader.run_id() + "-" + to_text(row);
  const Record track =
      compare(memory, static_cast<std::size_t>(settings.track_rows), options.epsilon, settings.rows_a_fact);
  // A line that the world has left behind learns its way back more slowly than the baseline does.
  const bool lost = line->goes_on() && track.challenger_gain < -settings.restart_z * track.challenger_error;
  const auto& inputs = line->newest()->inputs();
  Material material{memory.dataset(inputs, 0, memory.rows().size()),
                    make_dataset(offline, inputs, options.target), options.target_floor_share};
  auto model = line->refit(material, lost, seed_of(trigger));
  ++counts.refits;
  counts.restarts += lost ? 1 : 0;

  ReleaseInfo info = release_info("refit", trigger);
  info.family = model->family();
  info.data_sha256 = data_digest(material.recent);
  info.gain_over_baseline = track.challenger_gain;
  info.gain_over_live = track.live - track.challenger;
  info.metrics["track.rows"] = static_cast<double>(track.rows);
  info.metrics["track.challenger_loss"] = track.challenger;
  info.metrics["track.live_loss"] = track.live;
  info.metrics["track.baseline_loss"] = track.baseline;
  if (lost) info.settings["restarted"] = "from the baseline";
  defer([this, model = std::move(model), info = std::move(info), labels = memory.labels_seen()] {
    (void)propose(*model, info, line_refit);
    advance_line(model, labels);
    ++counts.published_refits;
  });
}

ReleaseInfo Retrainer::State::propose(const Model& model, ReleaseInfo info, std::string_view to_line) {
  Proposal proposal;
  proposal.run_id = reader.run_id();
  proposal.row = row;
  proposal.line = to_line;
  return publisher.propose(model, std::move(info), std::move(proposal));
}

ReleaseInfo Retrainer::State::release_info(const std::string& role, const std::string& trigger) const {
  ReleaseInfo info;
  info.target = options.target;
  info.parent = live_info.model_key;
  info.role = role;
  info.state = "challenger";
  info.trigger = trigger;
  info.labels = static_cast<int64_t>(memory.rows().size());
  info.seed = options.seed;
  info.code_version = DRST_VERSION;
  info.metrics["row"] = static_cast<double>(row);
  return info;
}

uint64_t Retrainer::State::seed_of(const std::string& trigger) const {
  return Random(options.seed).fork(fnv1a(trigger))();
}

void Retrainer::State::defer(std::function<void()> apply) {
  deferred = Deferred{row + options.busy_rows, std::move(apply)};
  apply_if_due(false);
}

bool Retrainer::State::apply_if_due(bool at_once) {
  if (!deferred || (!at_once && deferred->due > row)) return false;
  const Deferred now = std::move(*deferred);
  deferred.reset();
  now.apply();
  return true;
}

}  // namespace drst
