#include "report/plots.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/text.h"
#include "report/gnuplot.h"
#include "table/npy.h"

namespace drst {

namespace {

// Colour-blind safe (Okabe and Ito 2008).
constexpr const char* colour_truth = "#555555";
constexpr const char* colour_baseline = "#E69F00";
constexpr const char* colour_adaptive = "#0072B2";
constexpr const char* colour_drift = "#D55E00";
constexpr const char* colour_swap = "#009E73";
constexpr const char* stage_colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                         "#E69F00", "#56B4E9", "#000000"};

std::string number(double value) { return std::isfinite(value) ? to_text(value) : "NaN"; }

/// Vertical marks over the whole height of the current panel.
std::string mark(double x, const char* colour, const char* dash, double width) {
  return "set arrow from first " + number(x) + ", graph 0 to first " + number(x) +
         ", graph 1 nohead lc rgb '" + colour + "' dt " + dash + " lw " + number(width) + " back\n";
}

std::string stage_marks(const Summary& summary, bool labels) {
  std::string script;
  for (const auto& stage : summary.stages) {
    if (stage.rows == 0) continue;
    if (stage.first_row > 0) script += mark(static_cast<double>(stage.first_row), "#000000", "'.'", 1.5);
    if (labels)
      script += "set label " + gnuplot_quote(stage.name) + " at first " +
                number(static_cast<double>(stage.first_row) + 8) +
                ", graph 0.94 left tc rgb '#000000' front\n";
  }
  return script;
}

std::string event_marks(const Summary& summary) {
  std::string script;
  for (const auto& event : summary.drift_events)
    script += mark(static_cast<double>(event.row), colour_drift, "1", 1.5);
  std::vector<int64_t> rows;
  for (const auto& swap : summary.swaps)
    if (swap.row > 0) rows.push_back(swap.row);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end(), [](auto a, auto b) { return b - a < 3; }), rows.end());
  // There may be many: a tick each at the foot of the panel, not a line.
  for (const auto row : rows)
    script += "set arrow from first " + to_text(row) + ", graph 0 to first " + to_text(row) +
              ", graph 0.05 nohead lc rgb '" + colour_swap + "' lw 1.5 front\n";
  return script;
}

/// Share of rows within 20 % over the last `window` rows.
std::vector<double> rolling_accuracy(const std::vector<double>& prediction, const std::vector<double>& truth,
                                     double epsilon, std::size_t window) {
  std::vector<double> out;
  std::size_t hits = 0;
  const auto hit = [&](std::size_t i) {
    return std::abs(prediction[i] - truth[i]) / std::max(std::abs(truth[i]), epsilon) <= 0.2;
  };
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (hit(i)) ++hits;
    if (i >= window && hit(i - window)) --hits;
    out.push_back(static_cast<double>(hits) / static_cast<double>(std::min(i + 1, window)));
  }
  return out;
}

std::string timeline(const Summary& summary, const Series& series, const DriftSignal& signal) {
  constexpr std::size_t window = 100;
  const auto base = rolling_accuracy(series.baseline, series.truth, summary.facts.epsilon, window);
  const auto adaptive = rolling_accuracy(series.adaptive, series.truth, summary.facts.epsilon, window);
  std::string script = "$rows << EOD\n";
  double top = 0;
  for (std::size_t i = 0; i < series.row.size(); ++i) {
    top = std::max(top, std::isfinite(series.truth[i]) ? series.truth[i] : 0.0);
    script += to_text(series.row[i]) + " " + number(series.truth[i]) + " " + number(series.baseline[i]) +
              " " + number(series.adaptive[i]) + " " + number(base[i]) + " " + number(adaptive[i]) + "\n";
  }
  script += "EOD\n$signal << EOD\n";
  for (std::size_t i = 0; i < signal.row.size(); ++i)
    script += number(signal.row[i]) + " " + number(signal.signal[i]) + " " + number(signal.threshold_a[i]) +
              " " + number(signal.threshold_b[i]) + " " + number(signal.threshold_c[i]) + "\n";
  script += "EOD\n";
  const std::string last = number(series.row.empty() ? 1.0 : static_cast<double>(series.row.back() + 1));
  script += "set multiplot\nset lmargin at screen 0.075\nset rmargin at screen 0.985\nset xrange [0:" + last +
            "]\nset grid ytics lc rgb '#dddddd'\nset border 3\nset tics nomirror out\nset format x ''\n";
  script += stage_marks(summary, true) + event_marks(summary);
  script +=
      "set tmargin at screen 0.955\nset bmargin at screen 0.53\nset key at graph 0.995,1.075 right "
      "horizontal samplen 2\n"
      "set ylabel " +
      gnuplot_quote(summary.facts.target) + "\nset yrange [0:" + number(top > 0 ? top * 1.25 : 1) +
      "]\nplot $rows using 1:2 with lines lc rgb '" + colour_truth +
      "' lw 1 title 'truth', $rows using 1:3 with points pt 7 ps 0.25 lc rgb '" + colour_baseline +
      "' title 'baseline (frozen)', $rows using 1:4 with points pt 7 ps 0.25 lc rgb '" + colour_adaptive +
      "' title 'adaptive', NaN with lines lc rgb '" + colour_drift +
      "' lw 1.5 title 'drift', NaN with lines lc rgb '" + colour_swap +
      "' lw 1.5 title 'swap'\nunset label\n";
  script +=
      "set tmargin at screen 0.505\nset bmargin at screen 0.31\nset key at graph 0.995,0.32 right samplen 2\n"
      "set ylabel 'accuracy@0.2, last 100'\nset yrange [0:1.02]\nset ytics 0.25\n"
      "plot $rows using 1:5 with lines lc rgb '" +
      std::string(colour_baseline) + "' lw 1.5 title 'baseline', $rows using 1:6 with lines lc rgb '" +
      colour_adaptive + "' lw 1.5 title 'adaptive'\n";
  script +=
      "set tmargin at screen 0.285\nset bmargin at screen 0.085\nset format x '%g'\nset xlabel 'row (s of "
      "the stream)'\n"
      "set ylabel 'drift signal, bit'\nset yrange [0:*]\nset ytics auto\nset key at graph 0.995,0.97 right "
      "horizontal samplen 2\n";
  if (signal.row.empty()) {
    script += "plot NaN notitle\n";
  } else {
    script +=
        "plot $signal using 1:2 with lines lc rgb '#000000' lw 1.2 title 'signal', $signal using 1:3 with "
        "steps lc rgb '#56B4E9' title 'A', "
        "$signal using 1:4 with steps lc rgb '#E69F00' title 'B', $signal using 1:5 with steps lc rgb "
        "'#D55E00' title 'C'\n";
  }
  return script + "unset multiplot\n";
}

std::string error_cdf(const Summary& summary, const Series& series) {
  std::string script, plots;
  for (std::size_t s = 0; s < summary.stages.size(); ++s) {
    std::vector<double> errors[2];
    for (std::size_t i = 0; i < series.row.size(); ++i) {
      if (series.stage[i] != static_cast<int>(s) || !std::isfinite(series.truth[i])) continue;
      const double scale = std::max(std::abs(series.truth[i]), summary.facts.epsilon);
      errors[0].push_back(std::abs(series.baseline[i] - series.truth[i]) / scale);
      errors[1].push_back(std::abs(series.adaptive[i] - series.truth[i]) / scale);
    }
    for (int which = 0; which < 2; ++which) {
      auto& e = errors[which];
      if (e.empty()) continue;
      std::sort(e.begin(), e.end());
      const std::string block = "$e" + to_text(s) + (which == 0 ? "b" : "a");
      script += block + " << EOD\n";
      const std::size_t stride = std::max<std::size_t>(1, e.size() / 400);
      for (std::size_t i = 0; i < e.size(); i += stride)
        script += number(std::max(e[i], 1e-4)) + " " +
                  number(static_cast<double>(i + 1) / static_cast<double>(e.size())) + "\n";
      script += "EOD\n";
      plots += (plots.empty() ? "plot " : ", ") + block + " using 1:2 with lines lw 2 lc rgb '" +
               stage_colours[s % std::size(stage_colours)] + "' dt " + (which == 0 ? "'-'" : "1") +
               " title " + gnuplot_quote(summary.stages[s].name + (which == 0 ? " baseline" : " adaptive"));
    }
  }
  if (plots.empty()) return {};
  return script +
         "set logscale x\nset xrange [0.001:10]\nset yrange [0:1]\nset grid lc rgb '#dddddd'\nset border "
         "3\nset tics nomirror out\n"
         "set xlabel 'relative error e'\nset ylabel 'share of rows with at most e'\nset key left top\n"
         "set arrow from 0.2, graph 0 to 0.2, graph 1 nohead lc rgb '#000000' dt '.' back\n" +
         plots + "\n";
}

std::string heat_map(const Summary& summary, const DriftSignal& signal) {
  const std::size_t features = signal.features.size(), points = signal.row.size();
  if (features == 0 || points < 2 || signal.by_feature.size() != features * points) return {};
  std::string script = "$heat << EOD\n";
  for (std::size_t f = 0; f < features; ++f) {
    for (std::size_t i = 0; i < points; ++i)
      script +=
          number(signal.row[i]) + " " + to_text(f) + " " + number(signal.by_feature[i * features + f]) + "\n";
    script += "\n";
  }
  script += "EOD\nset ytics (";
  for (std::size_t f = 0; f < features; ++f)
    script += (f == 0 ? "" : ", ") + gnuplot_quote(signal.features[f]) + " " + to_text(f);
  script += ") font ',8'\nset yrange [" + to_text(features) + ":-1]\nset xrange [" +
            number(signal.row.front()) + ":" + number(signal.row.back()) +
            "]\nset cbrange [0:*]\nset cblabel 'divergence, bit'\nset xlabel 'row'\nset tics out nomirror\n"
            "set palette defined (0 '#ffffff', 0.25 '#fde0c5', 0.5 '#f59e72', 0.75 '#c4473e', 1 '#5b1330')\n";
  for (const auto& event : summary.drift_events)
    script += "set arrow from first " + to_text(event.row) + ", graph 0 to first " + to_text(event.row) +
              ", graph 1 nohead lc rgb '#0072B2' lw 1.5 front\n";
  return script + "plot $heat using 1:2:3 with image notitle\n";
}

std::string stage_bars(const Summary& summary) {
  std::string script = "$bars << EOD\n";
  bool persistence = false;
  const auto line = [&](const StageResult& stage) {
    persistence = persistence || stage.label_persistence.n > 0;
    script += "\"" + stage.name + "\" " + number(stage.baseline.acc02) + " " + number(stage.adaptive.acc02) +
              " " + number(stage.label_persistence.n > 0 ? stage.label_persistence.acc02 : NAN) + "\n";
  };
  for (const auto& stage : summary.stages)
    if (stage.rows > 0) line(stage);
  line(summary.overall);
  script +=
      "EOD\nset style data histograms\nset style histogram clustered gap 1\nset style fill solid 0.9 "
      "noborder\nset boxwidth 0.9\n"
      "set yrange [0:1.12]\nset ytics 0.2\nset grid ytics lc rgb '#dddddd'\nset border 3\nset tics "
      "nomirror\nset ylabel 'accuracy@0.2'\n"
      "set key top left horizontal\n";
  script += "plot $bars using 2:xtic(1) lc rgb '" + std::string(colour_baseline) +
            "' title 'baseline (frozen)', '' using 3 lc rgb '" + colour_adaptive + "' title 'adaptive'";
  if (persistence) script += ", '' using 4 lc rgb '#bbbbbb' title 'last arrived label'";
  return script + "\n";
}

std::string resources(const Summary& summary) {
  if (summary.resources.empty()) return {};
  std::string script = "$r << EOD\n";
  for (const auto& [name, used] : summary.resources)
    script += "\"" + name + "\" " + number(used.cpu_s) + "\n";
  return script +
         "EOD\nset style fill solid 0.9 noborder\nset boxwidth 0.7\nset yrange [0:*]\nset grid ytics lc rgb "
         "'#dddddd'\nset border 3\n"
         "set tics nomirror\nset xtics rotate by -25\nset ylabel 'CPU, s'\nunset key\nplot $r using "
         "2:xtic(1) with boxes lc rgb '" +
         colour_adaptive + "'\n";
}

}  // namespace

DriftSignal read_drift_signal(ObjectStore& store) {
  DriftSignal signal;
  const std::string key = "results/drift_signal.npz";
  const auto bytes = store.get(key);
  if (!bytes) return signal;
  const auto members = parse_npz(*bytes, key);
  const auto numbers = [&](const std::string& name) {
    std::vector<double> out;
    const auto found = members.find(name);
    if (found == members.end()) return out;
    std::visit(
        [&](const auto& values) {
          if constexpr (std::is_arithmetic_v<typename std::decay_t<decltype(values)>::value_type>)
            out.assign(values.begin(), values.end());
        },
        found->second.data);
    return out;
  };
  signal.row = numbers("row");
  signal.signal = numbers("signal");
  signal.threshold_a = numbers("threshold_A");
  signal.threshold_b = numbers("threshold_B");
  signal.threshold_c = numbers("threshold_C");
  signal.by_feature = numbers("by_feature");
  if (const auto found = members.find("features"); found != members.end())
    if (const auto* names = std::get_if<std::vector<std::string>>(&found->second.data))
      signal.features = *names;
  const auto n = signal.row.size();
  for (const auto* series : {&signal.signal, &signal.threshold_a, &signal.threshold_b, &signal.threshold_c})
    if (series->size() != n) {
      log::warning(key + ": members differ in length; the drift signal is left out of the report");
      return {};
    }
  return signal;
}

std::vector<Plot> draw_plots(const Summary& summary, const Series& series, const DriftSignal& signal,
                             const std::filesystem::path& folder) {
  struct Job {
    Plot plot;
    int width, height;
    std::string body;
  };
  const int heat_height = 160 + 13 * static_cast<int>(std::min<std::size_t>(signal.features.size(), 400));
  const Job jobs[] = {
      {{"timeline", "The run over time",
        "Truth and both predictions, made at the time; accuracy over the last 100 rows; the drift signal "
        "with its thresholds. "
        "Dotted: a stage begins. Solid: drift was noticed. Ticks at the foot: a model was swapped in."},
       1200,
       820,
       series.row.empty() ? std::string() : timeline(summary, series, signal)},
      {{"accuracy", "Accuracy@0.2 by stage", "Share of rows predicted within 20 %; all rows count."},
       900,
       420,
       stage_bars(summary)},
      {{"error_cdf", "Error distribution by stage",
        "Dashed: the frozen baseline. Solid: the adaptive model. The dotted line is 20 %."},
       900,
       520,
       error_cdf(summary, series)},
      {{"drift_heat", "What drifted",
        "Divergence of each counter from its baseline at each evaluation; blue lines are alarms."},
       1200,
       heat_height,
       heat_map(summary, signal)},
      {{"resources", "CPU by component", "Seconds of CPU over the run."}, 900, 360, resources(summary)},
  };
  std::vector<Plot> drawn;
  for (const auto& job : jobs) {
    if (job.body.empty()) continue;
    const auto result = gnuplot(folder, job.plot.name, job.width, job.height, job.body);
    if (result) {
      drawn.push_back(job.plot);
    } else {
      log::warning(result.error().reason + "; the report goes without this picture");
    }
  }
  return drawn;
}

}  // namespace drst
