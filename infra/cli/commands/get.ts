import { getAnswer } from '../answers.ts';
import { taskText } from '../print/task-text.ts';
import { showOne } from '../show-one.ts';

export const get = showOne('get', {
  summary: 'one task with all that is known about it',
  print: (data) => taskText(getAnswer.parse(data).task),
});
