#include "report/plot_scripts.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/gnuplot.h"

namespace drst::plots {

namespace {

constexpr const char* many_colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                        "#E69F00", "#56B4E9", "#000000"};

const char* colour_of(std::size_t index) { return many_colours[index % std::size(many_colours)]; }

/// Sorted relative errors of a stage's rows.
std::vector<double> errors_of(const Series& series, const std::vector<double>& prediction, std::size_t stage,
                              double epsilon) {
  std::vector<double> errors;
  for (std::size_t i = 0; i < series.row.size(); ++i)
    if (series.stage[i] == static_cast<int>(stage) && std::isfinite(series.truth[i]))
      errors.push_back(std::abs(prediction[i] - series.truth[i]) /
                       std::max(std::abs(series.truth[i]), epsilon));
  std::sort(errors.begin(), errors.end());
  return errors;
}

/// Share of rows with at most e, at some hundred places, drawn out to the right edge.
std::vector<std::string> cumulative(const std::vector<double>& errors, double right) {
  std::vector<std::string> lines;
  const std::size_t stride = std::max<std::size_t>(1, errors.size() / 400);
  double share = 0;
  for (std::size_t i = 0; i < errors.size() && errors[i] <= right; i += stride) {
    share = static_cast<double>(i + 1) / static_cast<double>(errors.size());
    lines.push_back(number(std::max(errors[i], 1e-4)) + " " + number(share));
  }
  const auto within = std::upper_bound(errors.begin(), errors.end(), right) - errors.begin();
  lines.push_back(number(right) + " " +
                  number(static_cast<double>(within) / static_cast<double>(errors.size())));
  return lines;
}

/// Over the image: where stages begin, with their names above, and alarms.
std::string event_lines(const Summary& summary, double left) {
  std::string script;
  const auto line = [&](int64_t row, const char* colour, const char* dash) {
    script += "set arrow from first " + to_text(row) + ", graph 0 to first " + to_text(row) +
              ", graph 1 nohead lc rgb '" + colour + "' dt " + dash + " lw 1.5 front\n";
  };
  for (const auto& stage : summary.stages) {
    if (stage.rows == 0 || static_cast<double>(stage.first_row + stage.rows) <= left) continue;
    const auto first = static_cast<double>(stage.first_row);
    if (first > left) line(stage.first_row, "#000000", "'.'");
    script += "set label " + gnuplot_quote(stage.name) + " at first " + number(std::max(first, left)) +
              ", graph 1 left offset 0.3,0.6 front\n";
  }
  for (const auto& event : summary.drift_events) line(event.row, colour_adaptive, "1");
  return script;
}

}  // namespace

std::string number(double value) { return std::isfinite(value) ? to_text(value) : "NaN"; }

std::string block(const std::string& name, const std::vector<std::string>& lines) {
  std::string text = "$" + name + " << EOD\n";
  for (const auto& line : lines) text += line + "\n";
  return text + "EOD\n";
}

std::string mark(double x, const char* colour, const char* dash, double width) {
  return "set arrow from first " + number(x) + ", graph 0 to first " + number(x) +
         ", graph 1 nohead lc rgb '" + colour + "' dt " + dash + " lw " + number(width) + " back\n";
}

std::string stage_marks(const Summary& summary, bool names) {
  std::string script;
  for (const auto& stage : summary.stages) {
    if (stage.rows == 0) continue;
    const auto first = static_cast<double>(stage.first_row);
    if (stage.first_row > 0) script += mark(first, "#000000", "'.'", 1.5);
    if (names)
      script += "set label " + gnuplot_quote(stage.name) + " at first " + number(first) +
                ", graph 1 left offset 0.3,0.6 tc rgb '#000000' front\n";
  }
  return script;
}

std::string drift_marks(const Summary& summary) {
  std::string script;
  for (const auto& event : summary.drift_events)
    script += mark(static_cast<double>(event.row), colour_drift, "1", 1.5);
  return script;
}

std::string error_cdf(const Summary& summary, const Series& series) {
  constexpr double right = 10;
  std::string blocks, plots;
  for (std::size_t s = 0; s < summary.stages.size(); ++s) {
    for (const bool frozen : {true, false}) {
      const auto errors =
          errors_of(series, frozen ? series.baseline : series.adaptive, s, summary.facts.epsilon);
      if (errors.empty()) continue;
      const std::string name = "e" + to_text(s) + (frozen ? "b" : "a");
      blocks += block(name, cumulative(errors, right));
      plots += (plots.empty() ? "plot $" : ", $") + name + " using 1:2 with lines lw 2 lc rgb '" +
               colour_of(s) + "' dt " + (frozen ? "'-'" : "1") + " " +
               (frozen ? "notitle" : "title " + gnuplot_quote(summary.stages[s].name));
    }
  }
  if (plots.empty()) return {};
  return blocks + "set logscale x\nset xrange [0.001:" + number(right) +
         "]\nset yrange [0:1.005]\nset ytics 0.2\nset grid lc rgb '#dddddd'\nset border 3\nset tics nomirror "
         "out\nset xlabel 'relative error e'\nset ylabel 'share of rows with at most e'\n"
         "set key outside right center Left reverse samplen 3 spacing 1.2\n"
         "set arrow from 0.2, graph 0 to 0.2, graph 1 nohead lc rgb '#000000' dt '.' lw 1.5 back\n"
         "set label 'e = 0.2' at 0.21, graph 0.03 left\n" +
         plots +
         ", NaN with lines lw 2 lc rgb '#000000' dt 1 title 'adaptive', NaN with lines lw 2 lc rgb '#000000' "
         "dt '-' title 'baseline (frozen)'\n";
}

std::string heat_map(const Summary& summary, const DriftSignal& signal) {
  const std::size_t features = signal.features.size(), points = signal.row.size();
  if (features == 0 || points < 2 || signal.by_feature.size() != features * points) return {};
  // gnuplot takes an image for an even grid; evaluations may have gaps, and are many in a long run.
  const std::size_t columns = std::min<std::size_t>(points, 800);
  const double first = signal.row.front();
  const double step = (signal.row.back() - first) / static_cast<double>(columns - 1);
  if (!(step > 0)) return {};
  std::vector<std::string> lines;
  for (std::size_t f = 0; f < features; ++f) {
    std::size_t i = 0;
    for (std::size_t c = 0; c < columns; ++c) {
      const double row = first + step * static_cast<double>(c);
      while (i + 1 < points && signal.row[i + 1] <= row + 1e-6 * step) ++i;
      lines.push_back(number(row) + " " + to_text(f) + " " + number(signal.by_feature[i * features + f]));
    }
    lines.emplace_back();
  }
  std::string script = block("heat", lines) + "set ytics (";
  for (std::size_t f = 0; f < features; ++f)
    script += (f == 0 ? "" : ", ") + gnuplot_quote(signal.features[f]) + " " + to_text(f);
  return script + ") font ',8'\nset yrange [" + number(static_cast<double>(features) - 0.5) +
         ":-0.5]\nset xrange [" + number(first - step / 2) + ":" + number(signal.row.back() + step / 2) +
         "]\nset cbrange [0:1]\nset cblabel 'divergence, bit'\nset xlabel 'row (second of the stream)'\nset "
         "tics out nomirror\nset tmargin 2.5\nunset key\n"
         "set palette defined (0 '#ffffff', 0.25 '#fde0c5', 0.5 '#f59e72', 0.75 '#c4473e', 1 '#5b1330')\n" +
         event_lines(summary, first) + "plot $heat using 1:2:3 with image\n";
}

std::string stage_bars(const Summary& summary) {
  std::vector<std::string> lines;
  std::string tics;
  bool persistence = false;
  const auto line = [&](const StageResult& stage) {
    persistence = persistence || stage.label_persistence.n > 0;
    const auto percent = [](const Metrics& m) { return number(m.n > 0 ? 100 * m.acc02 : NAN); };
    tics += (tics.empty() ? "" : ", ") + gnuplot_quote(stage.name) + " " + to_text(lines.size());
    lines.push_back(to_text(lines.size()) + " " + percent(stage.baseline) + " " + percent(stage.adaptive) +
                    " " + percent(stage.label_persistence));
  };
  for (const auto& stage : summary.stages)
    if (stage.rows > 0) line(stage);
  if (lines.empty() || summary.overall.baseline.n == 0) return {};  // nothing was predicted
  line(summary.overall);
  const int bars = persistence ? 3 : 2;
  const double width = 1.0 / (bars + 1);  // of a bar; the clusters are one apart
  const auto bar = [&](int index, const char* colour, const std::string& title) {
    const std::string x = "($1+" + number(width * (index - 0.5 * (bars - 1))) + ")";
    const std::string column = to_text(index + 2);
    return "$bars using " + x + ":" + column + ":(" + number(0.92 * width) + ") with boxes lc rgb '" +
           colour + "' title " + gnuplot_quote(title) + ", $bars using " + x + ":" + column +
           ":(sprintf('%.1f', $" + column + ")) with labels offset 0,0.6 font ',9' notitle";
  };
  std::string script =
      block("bars", lines) +
      "set style fill solid 0.9 noborder\nset yrange [0:112]\nset ytics 20\nset xrange [-0.6:" +
      number(static_cast<double>(lines.size()) - 0.4) +
      "]\nset grid ytics lc rgb '#dddddd'\nset border 3\nset tics nomirror out\nset ylabel "
      "'rows within 20 %, in %'\nset xtics (" +
      tics +
      ") scale 0\n"
      "set key at graph 1,1.1 right top horizontal Left reverse samplen 1.5\nset tmargin 2.5\n"
      "plot " +
      bar(0, colour_baseline, "baseline (frozen)") + ", " + bar(1, colour_adaptive, "adaptive");
  if (persistence) script += ", " + bar(2, "#bbbbbb", "last arrived label, repeated");
  return script + "\n";
}

std::string resources(const Summary& summary) {
  // "process" is the sum of the components beside it; alone it is all there is to show.
  std::vector<std::string> cpu, tics;
  for (const auto& [name, used] : summary.resources)
    if (name != "process" || summary.resources.size() == 1) {
      tics.push_back(gnuplot_quote(name) + " " + to_text(cpu.size()));
      cpu.push_back(to_text(cpu.size()) + " " + number(used.cpu_s));
    }
  if (cpu.empty()) return {};
  std::string script = block("cpu", cpu), share, memory;
  for (std::size_t p = 0; p < summary.processes.size(); ++p) {
    const auto& process = summary.processes[p];
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < process.samples.size(); ++i) {
      const auto& now = process.samples[i];
      // The last reading may follow hard on the one before, and /proc counts in ticks.
      double cores = NAN;
      if (i > 0 && now.at_s - process.samples[i - 1].at_s > 0.5 * process.samples[1].at_s)
        cores = (now.cpu_s - process.samples[i - 1].cpu_s) / (now.at_s - process.samples[i - 1].at_s);
      lines.push_back(number(now.at_s) + " " + number(cores) + " " + number(now.private_mib) + " " +
                      number(now.rss_mib));
    }
    const std::string name = "p" + to_text(p);
    script += block(name, lines);
    const std::string line =
        (p == 0 ? "plot $" : ", $") + name + " using 1:%s with lines lw 1.5 lc rgb '" + colour_of(p) + "' ";
    const auto of_column = [&](const char* column) {
      std::string text = line;
      return text.replace(text.find("%s"), 2, column);
    };
    share += of_column("2") + "title " + gnuplot_quote(process.member);
    memory += of_column("3") + "notitle";
    if (summary.processes.size() == 1)
      memory += ", $" + name + " using 1:4 with lines lw 1.5 dt '-' lc rgb '" + colour_of(p) +
                "' title 'shared, too (mapped log pages)'";
  }
  const bool over_time = !summary.processes.empty();
  script +=
      "set multiplot\nset grid lc rgb '#dddddd'\nset border 3\nset tics nomirror out\nunset key\n"
      "set style fill solid 0.9 noborder\nset lmargin at screen 0.115\nset rmargin at screen " +
      std::string(over_time ? "0.42" : "0.97") +
      "\nset bmargin at screen 0.13\nset tmargin at screen 0.9\nset ytics (" + join(tics) +
      ")\nset yrange [" + number(static_cast<double>(cpu.size()) - 0.4) +
      ":-0.6]\nset xrange [0:*]\nset xlabel 'CPU, s'\n"
      "plot $cpu using ($2*0.5):1:($2*0.5):(0.35) with boxxyerror lc rgb '" +
      colour_adaptive + "', $cpu using 2:1:(sprintf(' %.2f', $2)) with labels left font ',9'\n";
  if (over_time)
    script +=
        "set lmargin at screen 0.5\nset rmargin at screen 0.985\nset ytics auto\nset xrange [0:*]\nset "
        "yrange [0:*]\nunset xlabel\nset format x ''\nset bmargin at screen 0.55\nset tmargin at screen "
        "0.9\nset ylabel 'CPU, cores'\n"
        "set key at graph 1,1.2 right top horizontal Left reverse samplen 2 font ',9'\n" +
        share +
        "\nset format x '%g'\nset xlabel 'seconds since it began'\nset ylabel 'private memory, MiB'\nset "
        "bmargin at screen 0.13\nset tmargin at screen 0.48\nset key at graph 0.99,0.04 right bottom font "
        "',9'\n" +
        memory + "\n";
  return script + "unset multiplot\n";
}

}  // namespace drst::plots
