// Chooses the settings of adaptation: prints config/chosen.toml, which a test compares with the defaults.
//
//   build/bin/pipeline_choose_bench FOLDER [--seeds N] [--set section.key=value]... [--score]
//   (tools/choose-settings.sh)
//
// `--score` chooses nothing and prints what the defaults, with what was set, reach: by family and budget.
//
// FOLDER holds combined.csv and one table or more of another world; whoever reports on a table keeps it out
// of FOLDER. combined.csv less its last 500 rows trains; the stream is the first 1000 rows of the other
// tables, in order of name, those 500 rows, and what is left of the others: so a world where the frozen model
// errs is followed by one where it does not, and once more by one where it does. Each setting in turn tries
// its values, the others as chosen so far, those ahead at their first value, the incumbent. Score:
// accuracy@0.2 of the adaptive prediction over all rows, the mean over families (mixture, and two that are
// single models, err more and so show harm), seeds and the budgets each 100th, each 20th, 30 late (at once,
// values hardly differ). Adaptation must not hurt: of a run (family, seed, budget) that on any stage (of at
// most 1000 rows) falls more than 0.01 under the frozen model, what is beyond that counts five-fold against
// it. Chosen is the first value within one standard error of the best (of the paired differences), so the
// incumbent, which stands first, unless another is clearly better.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>
#include <numeric>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "budgets.h"
#include "table/csv.h"

namespace {

using namespace drst;
using namespace drst::budgets;

struct Choice {
  std::string setting;
  std::vector<std::string> values;  // the incumbent first
};

// What the weights are moved by comes first: whatever else is chosen is seen through them.
const std::vector<Choice> choices = {
    {"judge.whole_error", {"1.0", "0.4", "0.25"}},    {"judge.rate", {"8.0", "4.0", "2.0"}},
    {"judge.frozen_weight", {"0.7", "0.9", "0.5"}},   {"neighbours.median_share", {"0.7", "0.0", "1.0"}},
    {"neighbours.ridge", {"0.0001", "0.05"}},         {"judge.neighbours_weight", {"0.7", "0.5", "0.85"}},
    {"judge.share", {"0.01", "0.003", "0.03"}},       {"judge.restart_on_drift", {"true", "false"}},
    {"judge.last_label", {"false", "true"}},          {"neighbours.width", {"0.1", "0.2"}},
    {"neighbours.recency", {"20.0", "5.0"}},          {"neighbours.tree_share", {"0.67", "0.5"}},
    {"tuning.refit_every_labels", {"10", "20", "5"}}, {"tuning.refit_span_rows", {"100", "0"}},
    {"model.mixture_tree_weight", {"0.5", "0.33"}},
};

constexpr std::size_t stage_rows = 1000;
constexpr double most_harm = 0.01;  // of accuracy, on any stage
constexpr double harm_weight = 5;
const std::vector<std::string> families = {"mixture", "mlp", "gbt"};

struct Stream {
  Table offline;
  std::vector<StageTable> stages;
};

Stream read_stream(const std::filesystem::path& folder) {
  CsvOptions csv;
  csv.lenient = true;
  const Table combined = read_csv(folder / "combined.csv", csv);
  if (combined.rows() <= 1000) throw InputError("combined.csv needs more than 1000 rows");
  Stream stream{combined.slice(0, combined.rows() - 500), {}};
  std::vector<std::filesystem::path> others;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".csv" && entry.path().filename() != "combined.csv")
      others.push_back(entry.path());
  if (others.empty()) throw InputError(folder.string() + " holds no table besides combined.csv");
  std::sort(others.begin(), others.end());
  std::vector<StageTable> rest;
  for (const auto& path : others) {
    const Table table = read_csv(path, csv);
    for (std::size_t from = 0; from < table.rows(); from += stage_rows)
      (from == 0 ? stream.stages : rest)
          .push_back({path.stem().string() + " from " + to_text(from),
                      table.slice(from, std::min(table.rows(), from + stage_rows))});
  }
  stream.stages.push_back({"stage0", combined.slice(combined.rows() - 500, combined.rows())});
  stream.stages.insert(stream.stages.end(), rest.begin(), rest.end());
  return stream;
}

/// What a configuration reaches.
struct Score {
  std::vector<double> accuracies;  // over all rows, by budget, family and seed
  std::vector<double> gains;       // over the frozen model, the least of any stage, in the same order
  double worst = 0;                // the least gain over the frozen model on any stage of any of them
};

class Chooser {
 public:
  Chooser(Stream stream, std::size_t seeds) : stream_(std::move(stream)), seeds_(seeds) {
    for (const auto& budget : all_budgets)
      if (budget.every > 0 && budget.name != "all") budgets_.push_back(budget);
  }

  Score score(const Config& config) {
    if (trained_.empty() || trained_with_ != config.model.mixture_tree_weight) {
      trained_.clear();
      for (std::size_t i = 0; i < families.size() * seeds_; ++i)
        trained_.push_back(train(of_family(config, i), stream_.offline, seed_of(i)));
      trained_with_ = config.model.mixture_tree_weight;
    }
    const std::size_t models = trained_.size();
    std::vector<Figures> figures(models * budgets_.size());
    in_parallel(figures.size(), std::thread::hardware_concurrency(), [&](std::size_t i) {
      const std::size_t m = i % models;
      figures[i] = run_loop(of_family(config, m), budgets_[i / models], stream_.stages, stream_.offline,
                            trained_[m], seed_of(m))
                       .figures;
    });
    Score score;
    for (const auto& figure : figures) {
      const auto& adaptive = figure.at("adaptive");
      const auto& frozen = figure.at("frozen");
      score.accuracies.push_back(adaptive.back());
      double gain = std::numeric_limits<double>::infinity();
      for (std::size_t stage = 0; stage + 1 < adaptive.size(); ++stage)
        gain = std::min(gain, adaptive[stage] - frozen[stage]);
      score.gains.push_back(gain);
      score.worst = std::min(score.worst, gain);
    }
    return score;
  }

  /// A line for each budget and family.
  void print(const Score& score) const {
    for (std::size_t i = 0; i < score.gains.size(); i += seeds_) {
      double accuracy = 0, worst = 0;
      for (std::size_t seed = 0; seed < seeds_; ++seed) {
        accuracy += score.accuracies[i + seed] / static_cast<double>(seeds_);
        worst = std::min(worst, score.gains[i + seed]);
      }
      std::cout << budgets_[i / trained_.size()].name << " " << families[i % trained_.size() / seeds_] << " "
                << to_fixed(accuracy, 4) << " (" << to_fixed(worst, 3) << ")\n";
    }
  }

 private:
  [[nodiscard]] Config of_family(Config config, std::size_t model) const {
    config.model.family = families[model / seeds_];
    return config;
  }
  /// Others than those that reports use.
  [[nodiscard]] uint64_t seed_of(std::size_t model) const { return 101 + model % seeds_; }

  Stream stream_;
  std::size_t seeds_;
  std::vector<Budget> budgets_;
  std::vector<Trained> trained_;  // by family and seed
  double trained_with_ = -1;
};

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// What each run counts: its accuracy, less `harm_weight` times what it fell too far under the frozen model.
std::vector<double> worths(const Score& score) {
  std::vector<double> worths;
  for (std::size_t i = 0; i < score.gains.size(); ++i)
    worths.push_back(score.accuracies[i] + harm_weight * std::min(0.0, score.gains[i] + most_harm));
  return worths;
}

/// The first value within one standard error of the best.
std::size_t choose(const std::vector<Score>& scores) {
  std::vector<std::vector<double>> worth;
  for (const auto& score : scores) worth.push_back(worths(score));
  std::size_t best = 0;
  for (std::size_t v = 1; v < scores.size(); ++v)
    if (mean(worth[v]) > mean(worth[best])) best = v;
  for (std::size_t v = 0; v < best; ++v) {
    std::vector<double> differences;
    for (std::size_t i = 0; i < worth[v].size(); ++i) differences.push_back(worth[best][i] - worth[v][i]);
    const double gain = mean(differences);
    double squares = 0;
    for (const double d : differences) squares += (d - gain) * (d - gain);
    const auto n = static_cast<double>(differences.size());
    if (gain <= std::sqrt(squares / (n * (n - 1)))) return v;
  }
  return best;
}

std::string in_words(const std::string& value, const Score& score) {
  return value + " " + to_fixed(mean(score.accuracies), 4) + " (" + to_fixed(score.worst, 3) + ", " +
         to_fixed(mean(worths(score)), 4) + ")";
}

int run(int argc, char** argv) {
  if (argc < 2) throw InputError("usage: pipeline_choose_bench FOLDER [--seeds N]");
  log::set_level(log::Level::error);
  Config config;
  std::size_t seeds = 2;
  bool only_score = false;
  for (int i = 2; i < argc; i += 2) {
    const std::string name = argv[i];
    if (name == "--score") {
      only_score = true;
      --i;
      continue;
    }
    if (i + 1 == argc) throw InputError(name + " needs a value");
    if (name == "--seeds")
      seeds = static_cast<std::size_t>(std::max<int64_t>(2, parse_int(argv[i + 1]).value_or(2)));
    else if (name == "--set")
      config.sections().set(argv[i + 1]);
    else
      throw InputError("unknown option " + name);
  }
  Chooser chooser(read_stream(argv[1]), seeds);
  if (only_score) {
    const Score score = chooser.score(config);
    chooser.print(score);
    std::cout << "all " << in_words("", score) << "\n";
    return 0;
  }
  for (const auto& choice : choices) config.sections().set(choice.setting + "=" + choice.values.front());
  auto present = chooser.score(config);
  std::map<std::string, std::string> sections;
  for (const auto& choice : choices) {
    std::vector<Score> scores = {present};
    std::string comment = "# " + choice.setting + ": " + in_words(choice.values[0], present);
    for (std::size_t v = 1; v < choice.values.size(); ++v) {
      config.sections().set(choice.setting + "=" + choice.values[v]);
      scores.push_back(chooser.score(config));
      comment += ", " + in_words(choice.values[v], scores.back());
    }
    const std::size_t chosen = choose(scores);
    std::cerr << comment << " -> " << choice.values[chosen] << "\n";
    config.sections().set(choice.setting + "=" + choice.values[chosen]);
    present = scores[chosen];
    const auto dot = choice.setting.find('.');
    sections[choice.setting.substr(0, dot)] +=
        comment + "\n" + choice.setting.substr(dot + 1) + " = " + choice.values[chosen] + "\n";
  }
  std::cout << "# What tools/choose-settings.sh chose; a test compares it with the defaults. By value: "
               "accuracy@0.2, adaptive (the worst\n# of any stage against the frozen model, and what counts: "
               "accuracy less harm).\n";
  for (const auto& [name, text] : sections) std::cout << "\n[" << name << "]\n" << text;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const drst::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.exit_code());
  }
}
