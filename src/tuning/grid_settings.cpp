#include "tuning/grid.h"

namespace drst {

namespace {

void describe_tier(SettingsVisitor& visitor, TierGrid& tier, const std::string& key,
                   const std::string& name) {
  visitor.visit(
      key + "_hidden", tier.hidden,
      {"units", "hidden layers that tier " + name + " tries beside the current ones; the published system's",
       1, 4096});
  visitor.visit(key + "_learning_rates", tier.learning_rates,
                {"1", "Adam's learning rates that tier " + name + " tries", 1e-9, 10});
  visitor.visit(key + "_losses", tier.losses,
                {"", "losses that tier " + name + " tries", -1, 1, {"smooth-l1", "mse"}});
  visitor.visit(key + "_shortlist", tier.shortlist,
                {"candidates", "trained to the end in tier " + name, 1, 1e6});
}

}  // namespace

void describe(SettingsVisitor& visitor, GridSettings& s) {
  describe_tier(visitor, s.a, "a", "A");
  describe_tier(visitor, s.b, "b", "B");
  describe_tier(visitor, s.c, "c", "C");
  visitor.visit(
      "batches", s.batches,
      {"rows",
       "mini-batches that every tier tries; a drift window gives about ten to twenty of them an epoch", 1,
       65'536});
  visitor.visit("activations", s.activations,
                {"", "activations that every tier tries", -1, 1, {"relu", "gelu"}});
  visitor.visit("weight_decays", s.weight_decays, {"1", "L2 penalties that every tier tries", 0, 1});
  visitor.visit("warm_epochs", s.warm_epochs,
                {"epochs", "training of every candidate before it is ranked", 1, 10'000});
  visitor.visit(
      "middle_share", s.middle_share,
      {"1",
       "share of the candidates that get a second look after the warm-up; 0: only the shortlist. At 0.6 the "
       "result is within 1 % of training all of them fully, with the shortlist alone within 6 %",
       0, 1});
  visitor.visit("middle_epochs", s.middle_epochs,
                {"epochs",
                 "further training in that second look; fewer lets slow starters go, as many as epochs leave "
                 "the shortlist without effect",
                 0, 10'000});
  visitor.visit("epochs", s.epochs,
                {"epochs", "most training of the shortlist after the warm-up", 1, 100'000});
  visitor.visit("patience", s.patience,
                {"epochs", "without a better validation score, after which a candidate stops", 1, 100'000});
}

}  // namespace drst
