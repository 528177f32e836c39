import { positionAnswer } from '../answers.ts';
import { positionText } from '../print/position-text.ts';
import { showOne } from '../show-one.ts';

export const position = showOne('position', {
  summary: "where a task's collections stand in the source's log",
  print: (data) => positionText(positionAnswer.parse(data).positions),
});
