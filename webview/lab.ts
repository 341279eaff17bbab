/** @file Starts the Lab's page. */

import './base/translations';
import './app/app';
import { roles } from './look/colours';
import { registerToolkit } from './base/toolkit';

registerToolkit();
document.adoptedStyleSheets.push(roles.styleSheet!);
document.body.append(document.createElement('distillery-lab'));
