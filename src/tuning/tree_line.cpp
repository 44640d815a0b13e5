#include "base/random.h"
#include "base/text.h"
#include "learn/families.h"
#include "learn/fit_trees.h"
#include "tuning/judging.h"
#include "tuning/refit_line.h"

namespace drst::tuning {
namespace {

/// Rows that weigh less teach nothing, and cost as much as any.
constexpr double least_weight = 1e-3;

class TreeLine final : public RefitLine {
 public:
  TreeLine(std::shared_ptr<const Model> baseline, bool log_inputs, const ModelSettings& model,
           const TuningSettings& settings)
      : settings_(settings),
        model_(model),
        baseline_(std::move(baseline)),
        newest_(baseline_),
        boosted_(can_be_boosted_on(*baseline_)) {
    task_.log_inputs = log_inputs;
    task_.log_target = baseline_->trees()->exponential;
    model_.threads = settings.threads;
  }
  [[nodiscard]] const std::shared_ptr<const Model>& newest() const override { return newest_; }
  [[nodiscard]] int64_t every_labels() const override { return settings_.tree_refit_every_labels; }
  [[nodiscard]] bool goes_on() const override { return false; }

  std::shared_ptr<const Model> refit(const Material& material, bool, uint64_t seed) override {
    return fit(boosted_ ? Way::boosted_on : Way::grown, material, seed);
  }

  void advance(std::shared_ptr<const Model> model, uint64_t) override {
    if (model->trees() != nullptr) newest_ = std::move(model);
  }

  Answer answer(Question question) override {
    Answer answer;
    const Cut cut = cut_memory(question, settings_);
    Dataset late = window_rows(question, baseline_->inputs());
    if (!enough_rows(answer, cut, late, settings_)) return answer;
    const auto fresh = new_columns(*question.memory, baseline_->inputs(), cut,
                                   static_cast<std::size_t>(settings_.new_column_rows));
    std::vector<Way> ways = {Way::grown};
    if (boosted_ && fresh.empty()) ways.push_back(Way::boosted_on);
    if (ways.size() > 1 && question.tier == Tier::A) ways.erase(ways.begin());

    auto inputs = baseline_->inputs();
    inputs.insert(inputs.end(), fresh.begin(), fresh.end());
    Material material;
    material.target_floor_share = question.target_floor_share;
    material.recent = window_rows(question, inputs);
    append_rows(material.recent, question.memory->dataset(inputs, 0, cut.train_end));
    material.offline = make_dataset(*question.offline, inputs, question.target);
    const Dataset judge = question.memory->dataset(inputs, cut.judge_begin, cut.end);
    const Random seeds(question.seed);
    std::shared_ptr<const Model> best;
    Metrics figures;
    Way best_way = ways.front();
    for (const Way way : ways) {
      auto model = fit(way, material, seeds.fork(1)());
      const Metrics own = evaluate(*model, judge, question.epsilon);
      if (best && !(own.bounded < figures.bounded)) continue;
      best = std::move(model);
      figures = own;
      best_way = way;
    }
    answer.candidates = static_cast<int64_t>(ways.size());
    answer.winner =
        std::string(baseline_->family()) +
        (best_way == Way::grown ? " grown anew"
                                : " boosted on by " + to_text(settings_.gbt_refit_rounds) + " trees");
    std::vector<float> predictions(judge.rows());
    best->predict(judge.x, judge.rows(), predictions, *best->make_scratch());
    if (!convinces(answer, figures, predictions, question, cut, settings_)) return answer;
    append_rows(material.recent, judge);
    answer.model = fit(best_way, material, seeds.fork(2)());
    return answer;
  }

 private:
  enum class Way { grown, boosted_on };

  std::shared_ptr<const Model> fit(Way way, const Material& material, uint64_t seed) {
    Dataset rows = material.recent;
    append_rows(rows, material.offline);
    for (const double weight : row_weights(material, settings_))
      rows.weight.push_back(weight < least_weight ? 0 : static_cast<float>(weight));
    TreeTask task = task_;
    task.floor_share = material.target_floor_share;
    if (way == Way::grown)
      return fit_trees(std::string(baseline_->family()), rows, task, model_, seed, &helper_cpu_s_);
    return boost_on(
        *baseline_, rows, task,
        {static_cast<std::size_t>(settings_.gbt_refit_rounds),
         static_cast<std::size_t>(settings_.gbt_refit_depth), settings_.gbt_refit_learning_rate, seed});
  }

  TuningSettings settings_;
  ModelSettings model_;
  std::shared_ptr<const Model> baseline_, newest_;
  bool boosted_;
  TreeTask task_;
};

}  // namespace

std::unique_ptr<RefitLine> make_tree_line(std::shared_ptr<const Model> baseline, bool log_inputs,
                                          const ModelSettings& model, const TuningSettings& settings) {
  return std::make_unique<TreeLine>(std::move(baseline), log_inputs, model, settings);
}

}  // namespace drst::tuning
