// Two predictions a record: the frozen baseline's and the adaptive model's, each from its own inputs. One
// thread.
//
// Records are added one by one (their inputs are gathered by name) and predicted together; nothing is
// allocated after warm-up. A model that serves several sides (shelf.h) is asked once. The adaptive model
// changes only between batches, so that all rows of a batch are of the release that the trace names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "inference/inputs.h"
#include "inference/slot.h"
#include "stream/record.h"

namespace drst {

class Predictor {
 public:
  /// `decoder` must outlive it; it is told to expect the models' inputs.
  Predictor(std::unique_ptr<ServedModel> baseline, std::unique_ptr<ServedModel> adaptive,
            RecordDecoder& decoder);
  Predictor(const Predictor&) = delete;  // sides point to one another
  Predictor& operator=(const Predictor&) = delete;

  /// Returns the model that was replaced. Not with records added and not yet predicted.
  std::unique_ptr<ServedModel> replace(std::unique_ptr<ServedModel> adaptive);
  [[nodiscard]] const std::string& release() const { return adaptive_.served->release; }
  [[nodiscard]] const std::string& baseline_release() const { return baseline_.served->release; }

  /// The judge's lines, each with its own inputs. Returns the set that was replaced (null at first). Not with
  /// records added and not yet predicted. What a record lacks of their inputs is imputed and not counted.
  std::unique_ptr<ServedExperts> replace_experts(std::unique_ptr<ServedExperts> experts);
  [[nodiscard]] std::span<const float> lines(std::size_t row);
  /// The frozen model's inputs of a row, raw.
  [[nodiscard]] std::span<const float> baseline_inputs(std::size_t row) const;
  [[nodiscard]] const std::shared_ptr<const Model>& baseline_model() const { return baseline_.served->model; }

  struct Missing {
    uint32_t columns = 0;  ///< current-sample inputs of either model that the record lacks, each counted once
    uint32_t of = 0;
    uint32_t inputs = 0;  ///< the same counted for each model that wants it: what is imputed
  };
  /// Adds the decoder's present sample as the next row, unless more than `max_missing_fraction` of its inputs
  /// are missing; `usable` says which.
  struct Added {
    bool usable = false;
    Missing missing;
  };
  Added add(const Sample& sample, double max_missing_fraction);
  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// Predicts all rows added; then baseline(i) and adaptive(i) are good until the next add().
  void predict();
  [[nodiscard]] float baseline(std::size_t row) const { return baseline_.said(row); }
  [[nodiscard]] float adaptive(std::size_t row) const { return adaptive_.said(row); }
  void clear() { rows_ = 0; }

  /// Names of inputs found missing that were not handed out before. Empty nearly always, and then cheap.
  std::vector<std::string> take_missing_news();

 private:
  struct Side {
    std::unique_ptr<ServedModel> served;
    ServedModel* serving = nullptr;  // served, or what experts_ holds
    InputMap map;
    std::vector<float> rows;  // row-major
    std::vector<float> predictions;
    [[nodiscard]] const std::vector<std::string>& inputs() const { return serving->model->inputs(); }
    const Side* same = nullptr;  // an earlier side with the very same model, which speaks for this one
    [[nodiscard]] float said(std::size_t row) const {
      return (same != nullptr ? same->predictions : predictions)[row];
    }
    uint32_t gather(std::span<const double> values, std::size_t row);
    void predict(std::size_t count);
    bool echoes(const Side& earlier);
  };
  /// Models have changed; `same_inputs`: none of them wants other inputs than its predecessor.
  void changed(bool same_inputs);
  void rebuild();

  RecordDecoder& decoder_;
  Side baseline_, adaptive_;
  std::unique_ptr<ServedExperts> experts_;
  std::vector<Side> lines_;      // of experts_, whose models they borrow
  std::vector<float> line_row_;  // one row's predictions, by line
  uint64_t columns_version_ = 0;
  bool stale_ = true;                  // the maps
  std::vector<Side*> sides_;           // all, in the order of their say
  std::vector<std::size_t> required_;  // columns of the current-sample inputs of both models, each once
  std::vector<std::string> told_;      // sorted: inputs whose absence was reported
  std::size_t rows_ = 0;
};

}  // namespace drst
