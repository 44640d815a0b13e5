#include "tuning/judge.h"

namespace drst {

void describe(SettingsVisitor& v, JudgeSettings& s) {
  v.visit(
      "rate", s.rate,
      {"1", "how fast weights follow losses: an expert that errs wholly once falls by e^-rate", 0.01, 100});
  v.visit(
      "whole_error", s.whole_error,
      {"1",
       "relative error from which on an expert errs wholly: below 1, one label that all but one expert miss "
       "by far moves weights less than many that they miss by a little more than is of use",
       0.05, 1});
  v.visit(
      "share", s.share,
      {"1",
       "of all weight that goes back to the starting weights with each label, so that no expert is lost for "
       "good",
       0, 0.5});
  v.visit("frozen_weight", s.frozen_weight,
          {"1",
           "the frozen model's starting weight, the other experts have the rest: the nearer to 1, the less "
           "adaptation can cost",
           0.01, 0.99});
  v.visit(
      "neighbours_weight", s.neighbours_weight,
      {"1",
       "of the other experts' starting weight, the neighbours' share: with few labels they are the only one "
       "that has learned, and the live model says what the frozen one says",
       0.01, 0.99});
  v.visit(
      "last_label", s.last_label,
      {"",
       "the label that arrived last is an expert, too: strong where every row is labelled at once, yet worse "
       "there than the others together"});
  v.visit("restart_on_drift", s.restart_on_drift,
          {"",
           "a drift alarm sets the weights back to where they began; what they learned is of a world that is "
           "gone"});
  v.visit("alpha", s.alpha,
          {"1", "risk that a challenger no better than the live model is ever made live", 1e-9, 0.5});
  v.visit("patience_labels", s.patience_labels,
          {"labels", "after which a challenger without evidence gives way to a newer one", 1, 1e6});
  v.visit(
      "false_rollback_labels", s.false_rollback_labels,
      {"labels", "on average at least so many between two returns to a former model that nothing asked for",
       1, 1e12});
  v.visit("former_models", s.former_models,
          {"1", "former live models, besides the frozen one, that may become live again", 0, 32});
  v.visit("waiting_rows", s.waiting_rows,
          {"rows", "rows that may wait for their label; of older ones it comes too late", 1, 1e7});
  v.visit(
      "heartbeat_s", s.heartbeat_s,
      {"s",
       "so often the weights are told again when no label moves them, so that consumers know that the judge "
       "is there (inference.judge_silence_s)",
       0.1, 1e6});
}

}  // namespace drst
