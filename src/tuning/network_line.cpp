#include <deque>

#include "tuning/refit_line.h"

namespace drst::tuning {
namespace {

class NetworkLine final : public RefitLine {
 public:
  NetworkLine(std::vector<Network> networks, const TuningSettings& settings)
      : settings_(settings), first_(std::move(networks)) {
    take(first_, model_of(first_), 0);
  }
  [[nodiscard]] const std::shared_ptr<const Model>& newest() const override { return newest_; }
  [[nodiscard]] int64_t every_labels() const override { return settings_.refit_every_labels; }
  [[nodiscard]] bool goes_on() const override { return true; }

  std::shared_ptr<const Model> refit(const Material& material, bool anew, uint64_t seed) override {
    return model_of(refit_all(anew ? first_ : line_, material, settings_, seed));
  }

  void advance(std::shared_ptr<const Model> model, uint64_t trained_labels) override {
    auto networks = networks_of(*model);
    if (!networks.empty()) take(std::move(networks), std::move(model), trained_labels);
  }

  Answer answer(Question question) override {
    question.starts = {starts_.begin(), starts_.end()};
    Answer found = answer_drift(question, settings_);
    helper_cpu_s_ += found.helper_cpu_s;
    return found;
  }

 private:
  void take(std::vector<Network> networks, std::shared_ptr<const Model> model, uint64_t trained_labels) {
    line_ = std::move(networks);
    newest_ = std::move(model);
    starts_.push_back({line_.front(), trained_labels});
    if (starts_.size() > static_cast<std::size_t>(settings_.kept_starts))
      starts_.erase(starts_.begin() + 1);  // the first has seen no label and stays
  }

  TuningSettings settings_;
  std::vector<Network> first_, line_;
  std::shared_ptr<const Model> newest_;
  std::deque<Question::Start> starts_;
};

}  // namespace

std::unique_ptr<RefitLine> make_network_line(std::vector<Network> networks, const TuningSettings& settings) {
  return std::make_unique<NetworkLine>(std::move(networks), settings);
}

}  // namespace drst::tuning
