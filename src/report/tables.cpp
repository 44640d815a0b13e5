#include "report/tables.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace drst {

namespace {
std::string three(double value) { return std::isfinite(value) ? to_fixed(value, 3) : "–"; }
std::string tenths(double value) { return std::isfinite(value) ? to_fixed(value, 1) : "–"; }
std::string short_key(const std::string& key) {
  const auto slash = key.rfind('/');
  return slash == std::string::npos ? key : key.substr(slash + 1);
}

bool was_promoted(const Summary& summary, const std::string& release) {
  return std::any_of(summary.judgements.begin(), summary.judgements.end(),
                     [&](const Judgement& judgement) { return judgement.to == release; });
}
}  // namespace

std::string percent(double value) { return std::isfinite(value) ? to_fixed(100 * value, 1) + " %" : "–"; }

Grid stage_grid(const Summary& summary) {
  Grid grid{
      "",
      "Accuracy@0.2: share of rows predicted within 20 %. Every row counts, as it was predicted at the time.",
      {"stage", "rows", "baseline", "adaptive", "last label", "e p50", "e p90", "MAE baseline",
       "MAE adaptive"},
      {}};
  const auto add = [&](const StageResult& stage) {
    if (stage.rows == 0) return;
    const auto accuracy = [](const Metrics& m) { return m.n == 0 ? std::string("–") : percent(m.acc02); };
    grid.rows.push_back({stage.name, to_text(stage.rows), accuracy(stage.baseline), accuracy(stage.adaptive),
                         accuracy(stage.label_persistence), three(stage.adaptive.e_p50),
                         three(stage.adaptive.e_p90), three(stage.baseline.mae), three(stage.adaptive.mae)});
  };
  for (const auto& stage : summary.stages) add(stage);
  add(summary.overall);
  return grid;
}

Grid drift_grid(const Summary& summary) {
  Grid grid{
      "",
      "",
      {"row", "stage", "tier", "signal, bit", "threshold, bit", "change near row", "counters behind it"},
      {}};
  for (const auto& event : summary.drift_events) {
    std::vector<std::string> top;
    for (const auto& share : event.top_features)
      if (top.size() < 4) top.push_back(share.feature + " (" + to_fixed(share.divergence, 2) + ")");
    grid.rows.push_back({to_text(event.row), event.stage, event.tier, three(event.signal_bits),
                         three(event.threshold_bits), to_text(event.change_row), join(top)});
  }
  if (grid.rows.empty()) grid.note = "No drift was noticed.";
  return grid;
}

Grid retrain_grid(const Summary& summary) {
  Grid grid{"Answers to drift",
            "Loss: mean of min(e, 1) on the newest labelled rows, which the candidates had not seen.",
            {"row", "for", "tier", "candidates", "labels", "loss", "live", "baseline", "published", "why"},
            {}};
  for (const auto& event : summary.retrains)
    if (event.kind == "answer")
      grid.rows.push_back({to_text(event.row), event.id, event.tier, to_text(event.candidates),
                           to_text(event.labels), three(event.val_loss), three(event.live_val_loss),
                           three(event.baseline_val_loss), event.published ? short_key(event.release) : "no",
                           event.reason});
  if (grid.rows.empty()) grid.note = "No drift was answered.";
  return grid;
}

Grid refit_grid(const Summary& summary) {
  Grid grid{"Refits and rollbacks",
            "Between drifts a challenger is refitted on what was labelled lately; the judge makes one live, "
            "or goes "
            "back, on evidence only.",
            {"row", "what", "labels", "loss", "live", "baseline", "release", "why"},
            {}};
  for (const auto& event : summary.retrains)
    if (event.kind != "answer") {
      if (event.kind == "rollback" || was_promoted(summary, event.release))
        grid.keep.push_back(grid.rows.size());
      grid.rows.push_back({to_text(event.row), event.kind, to_text(event.labels), three(event.val_loss),
                           three(event.live_val_loss), three(event.baseline_val_loss),
                           short_key(event.release), event.reason});
    }
  if (grid.rows.empty()) grid.note = "No refit was published, and nothing was rolled back.";
  return grid;
}

Grid judgement_grid(const Summary& summary) {
  Grid grid{
      "Which model is live",
      "Gain: by how much the mean of min(e, 1) was lower, on labels that neither model had seen. The judge "
      "moves the pointer when the evidence, an e-value, reaches what is needed.",
      {"row", "what", "from", "to", "labels", "gain", "over the frozen", "log e", "needed"},
      {}};
  for (const auto& judgement : summary.judgements)
    grid.rows.push_back({to_text(judgement.row), judgement.kind, short_key(judgement.from),
                         short_key(judgement.to), to_text(judgement.labels), three(judgement.gain),
                         three(judgement.frozen_gain), three(judgement.log_e),
                         three(judgement.log_threshold)});
  if (grid.rows.empty()) grid.note = "The judge never moved the pointer: no evidence sufficed.";
  return grid;
}

Grid release_grid(const Summary& summary) {
  Grid grid{"",
            "",
            {"release", "role", "state", "family", "labels", "gain over baseline", "gain over live", "parent",
             "SHA-256"},
            {}};
  for (const auto& release : summary.releases) {
    if (release.state == "live" || release.state == "frozen" || was_promoted(summary, release.model_key))
      grid.keep.push_back(grid.rows.size());
    grid.rows.push_back({short_key(release.model_key), release.role, release.state, release.family,
                         to_text(release.labels), three(release.gain_over_baseline),
                         three(release.gain_over_live), short_key(release.parent),
                         release.sha256.substr(0, 12)});
  }
  return grid;
}

Grid resource_grid(const Summary& summary) {
  Grid grid{"", "", {"component", "CPU, s", "peak memory, MiB", "of it private, MiB"}, {}};
  for (const auto& [name, used] : summary.resources)
    grid.rows.push_back(
        {name, to_fixed(used.cpu_s, 2), tenths(used.rss_peak_mib), tenths(used.private_peak_mib)});
  if (grid.rows.empty()) grid.note = "Nothing was measured.";
  if (summary.resources.contains("process"))
    grid.note = "The components share one process: its memory is theirs, and its CPU holds theirs.";
  return grid;
}

std::string headline(const Summary& summary) {
  std::string text = to_text(summary.produced) + " records, " + to_text(summary.predicted) + " predicted, " +
                     to_text(summary.dead_lettered) + " dead letters, " + to_text(summary.lost) +
                     " lost. Target: " + summary.target + ". Labels: ";
  if (summary.facts.foreign) {
    text += "as the records brought them";
  } else if (summary.facts.label_every == 0) {
    text += "none online";
  } else {
    text += summary.facts.label_every == 1 ? "every row"
                                           : "each " + to_text(summary.facts.label_every) + "th row";
    text += summary.facts.label_delay > 0 ? ", " + to_text(summary.facts.label_delay) + " rows late"
                                          : ", at once";
  }
  text += ". Accuracy@0.2: baseline " + percent(summary.overall.baseline.acc02) + ", adaptive " +
          percent(summary.overall.adaptive.acc02);
  for (const auto& other : summary.further)
    text += "; " + other.target + ": baseline " + percent(other.overall.baseline.acc02) + ", adaptive " +
            percent(other.overall.adaptive.acc02);
  text += ".";
  if (summary.facts.simulated_data) text += " The chain is simulated: no real tables were at hand.";
  return text;
}

}  // namespace drst
