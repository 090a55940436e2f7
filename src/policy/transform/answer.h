// What a transform does to an answer: which case is for it, and what that changes, at the head at once and in the body as a filter.
#pragma once

#include "gateway/exchange.h"
#include "policy/transform/settings.h"
#include "policy/transform/tally.h"

namespace portico::policy::transform {

// Chooses by the head, changes it, and puts a filter before the body where that is changed or still has to decide.
// @param cases outlive the exchange, as does the tally
void change_answer(const std::vector<AnswerCase>& cases, gateway::Exchange& x, gateway::ResponseOut& response, const Tally& tally);

}  // namespace portico::policy::transform
