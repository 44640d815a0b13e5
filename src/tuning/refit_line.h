// The line of refits: the model that the retrainer keeps close to the world, whatever it is made of. Internal
// to this room.
//
// Of networks (network_line.cpp) it is a copy of the baseline's, of all of them in a mixture, fine-tuned
// refit upon refit (refit.h); a drift is answered by a search over the tier's grid (answer.h).
//
// Trees alone (tree_line.cpp) have no weights to go on from: what there is of labels is put into them at
// once, so each refit begins anew and forgets the last one, and the line never falls so far behind that it
// must be given up. Extra-trees are grown again, as offline, on the offline table at its low weight and the
// memory by age. Boosted trees stay, and a few more that learn what the baseline misses on these rows are
// added (learn/fit_trees.h), which costs a fifth of growing all of them. A drift is answered in the same way,
// less the judging rows, and with the stream's new columns, for which boosted trees, too, are grown anew; for
// the tiers B and C they are in any case, and the judging rows choose.
//
// One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "learn/model.h"
#include "learn/settings.h"
#include "tuning/answer.h"
#include "tuning/refit.h"
#include "tuning/retrainer.h"

namespace drst::tuning {

class RefitLine {
 public:
  virtual ~RefitLine() = default;
  /// The newest model of the line; the baseline's at first.
  [[nodiscard]] virtual const std::shared_ptr<const Model>& newest() const = 0;
  [[nodiscard]] virtual int64_t every_labels() const = 0;  ///< between two refits; 0: none
  [[nodiscard]] virtual bool goes_on() const = 0;          ///< a refit begins with what the last one left
  /// A model for this material. `anew`: from the baseline, where the line goes on otherwise.
  virtual std::shared_ptr<const Model> refit(const Material& material, bool anew, uint64_t seed) = 0;
  /// `model` is the newest from now on: what `refit` returned, here or in an earlier life; one of another
  /// kind is ignored.
  virtual void advance(std::shared_ptr<const Model> model, uint64_t trained_labels) = 0;
  virtual Answer answer(Question question) = 0;
  [[nodiscard]] double helper_cpu_s() const { return helper_cpu_s_; }

 protected:
  double helper_cpu_s_ = 0;  ///< of all so far
};

std::unique_ptr<RefitLine> make_network_line(std::vector<Network> networks, const TuningSettings& settings);
/// `log_inputs`: as the baseline was trained.
std::unique_ptr<RefitLine> make_tree_line(std::shared_ptr<const Model> baseline, bool log_inputs,
                                          const ModelSettings& model, const TuningSettings& settings);

}  // namespace drst::tuning
