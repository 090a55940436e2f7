// What `portico explain` says of the body that a template makes.
#pragma once

#include <string>

#include "gateway/templates/body_template.h"

namespace portico::cli {

// "id, email, name.first, orders[].id?": what it makes, with a question mark where that may be left out.
std::string body_in_words(const gateway::BodyTemplate& body);

}  // namespace portico::cli
