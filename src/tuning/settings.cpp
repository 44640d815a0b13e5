#include "tuning/retrainer.h"

namespace drst {

void describe(SettingsVisitor& visitor, TuningSettings& s) {
  visitor.visit(
      "first_record_timeout_s", s.first_record_timeout_s,
      {"s",
       "retrainer and judge fail if models or a first record did not come for so long after their start; 0: "
       "they wait for ever. Long enough for a person to start the other commands, and an end for scripts",
       0, 1e9});
  visitor.visit(
      "idle_timeout_s", s.idle_timeout_s,
      {"s",
       "once records have come, retrainer and judge leave when none came for so long; 0: they never leave", 0,
       1e9});
  visitor.visit("offline_weight", s.offline_weight,
                {"1",
                 "weight of an offline row against the newest labelled row: keeps the model from forgetting "
                 "the calm world",
                 0, 10});
  visitor.visit("memory_rows", s.memory_rows, {"rows", "labelled rows that are remembered", 10, 1e7});
  visitor.visit("memory_decay", s.memory_decay,
                {"labels", "after so many further labels a row's weight has fallen to 1/e", 1, 1e9});
  visitor.visit("waiting_rows", s.waiting_rows,
                {"rows", "rows that may wait for their label; of older ones it comes too late", 1, 1e7});
  visitor.visit(
      "margin", s.margin,
      {"1", "mean bounded error by which a winner must beat the live model and the baseline", 0, 1});
  visitor.visit("threads", s.threads, {"threads", "of the search; results do not depend on it", 1, 256});
  visitor.visit(
      "min_labels", s.min_labels,
      {"labels", "below which a drift is answered with a reason only: a handful of labels spoils the model",
       4, 1e6});
  visitor.visit(
      "validation_share", s.validation_share,
      {"1", "of the labelled rows of the drift window and since, the newest, that judge the candidates", 0.01,
       0.9});
  visitor.visit("min_validation", s.min_validation, {"rows", "of those at least", 2, 1e6});
  visitor.visit("answer_z", s.answer_z,
                {"standard errors",
                 "by which the winner must beat the baseline on the judging rows: it was chosen by them, and "
                 "few rows flatter",
                 0, 10});
  visitor.visit("gap_rows", s.gap_rows,
                {"rows", "left out between training and judging rows; neighbours are nearly copies", 0, 1e6});
  visitor.visit(
      "search_rows", s.search_rows,
      {"rows", "a weighted sample on which candidates race; the winner then trains on everything", 16, 1e6});
  visitor.visit("new_column_rows", s.new_column_rows,
                {"rows",
                 "the newest training rows, in most of which a column must be that the model then takes up: "
                 "another topology's; two experiments of ~45 rows",
                 1, 1e6});
  visitor.visit(
      "kept_starts", s.kept_starts,
      {"models",
       "former states of the challenger that an answer may start from, so that none has seen the judging "
       "rows; 16 refits of ten labels reach back over them",
       1, 10'000});
  visitor.visit("refit_every_labels", s.refit_every_labels,
                {"labels", "between two refits of the challenger; 0: none, drift alone retrains", 0, 1e9});
  visitor.visit(
      "refit_span_rows", s.refit_span_rows,
      {"rows",
       "of the stream that those labels may be spread over: a handful from here and there spoils the "
       "model for what comes next; 0: any",
       0, 1e9});
  visitor.visit("refit_steps", s.refit_steps, {"steps", "mini-batches of a refit", 1, 1e6});
  visitor.visit("refit_batch", s.refit_batch, {"rows", "a mini-batch", 1, 65'536});
  visitor.visit("refit_learning_rate", s.refit_learning_rate,
                {"1", "Adam's rate at the first step; falls linearly", 1e-9, 1});
  visitor.visit("refit_final_rate_share", s.refit_final_rate_share,
                {"1", "of that rate at the last step, at least: the end only settles", 0, 1});
  visitor.visit("refit_weight_decay", s.refit_weight_decay, {"1", "L2 term in refits", 0, 1});
  visitor.visit("refit_noise", s.refit_noise,
                {"standard deviations", "Gaussian noise on inputs in refits", 0, 10});
  visitor.visit(
      "tree_refit_every_labels", s.tree_refit_every_labels,
      {"labels",
       "between two refits of a model of trees alone; each takes a tenth of a second, and what came "
       "since the last one its neighbours know; 0: none",
       0, 1e9});
  visitor.visit("gbt_refit_rounds", s.gbt_refit_rounds,
                {"trees", "that a refit of boosted trees adds to the baseline's", 1, 10'000});
  visitor.visit("gbt_refit_depth", s.gbt_refit_depth,
                {"splits",
                 "from root to leaf in these trees; less than the baseline's, for what it misses is simpler, "
                 "and a split costs the same however few rows it parts",
                 1, 15});
  visitor.visit("gbt_refit_learning_rate", s.gbt_refit_learning_rate, {"1", "of these trees", 1e-4, 1});
  visitor.visit("track_rows", s.track_rows,
                {"labels", "over which the line of refits is compared with the baseline", 2, 1e6});
  visitor.visit("rows_a_fact", s.rows_a_fact,
                {"rows",
                 "labelled rows that count as one fact in a standard error: errors of neighbouring rows go "
                 "together",
                 1, 1e9});
  visitor.visit(
      "restart_z", s.restart_z,
      {"standard errors",
       "by which the line's record may fall behind the baseline's before it begins anew from it", 0, 10});
  describe(visitor, s.grid);
}

}  // namespace drst
